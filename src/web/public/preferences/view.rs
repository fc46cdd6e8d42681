//! The data that all cards of the preferences page share.

use crate::{
    actions::subscription::set_preferences::ReaderPreferences,
    domain::{subscriber::cadence::Cadence, token::KeyRing, validation::Problems},
    i18n::Locale,
    web::public::{
        field_errors,
        preferences::{card::Card, form::PreferencesFields, notice::Notice},
    },
};
use jiff::{Timestamp, civil::Date};
use maud::{Markup, html};

/// A reader's preferences page.
pub(super) struct PageView<'a> {
    pub(super) reader: &'a ReaderPreferences,
    /// The reader's token.
    pub(super) token: &'a str,
    pub(super) locale: Locale,
    /// Problems with the submitted form.
    pub(super) problems: Option<&'a Problems>,
    /// The submitted inputs.
    pub(super) typed: Option<&'a PreferencesFields>,
    /// The result of the request, and the card it belongs to. `None`: the top of the page.
    pub(super) notice: (&'a Notice, Option<Card>),
    pub(super) now: Timestamp,
    /// Whether the page's query names the language.
    pub(super) has_language_query: bool,
    /// Signs the links to the reader's other pages.
    pub(super) keys: &'a KeyRing,
}

impl PageView<'_> {
    /// Returns the URL that the form posts to: the page itself, in the same language.
    pub(super) fn action(&self) -> String {
        let page = format!("/preferences/{}", self.token);
        if self.has_language_query { format!("{page}?lang={}", self.locale.language) } else { page }
    }

    /// Returns the URL by which a card's button posts, so that the reader comes back to the card.
    pub(super) fn action_of(&self, card: Card) -> String {
        format!("{}#{}", self.action(), card.id())
    }

    /// Renders a card with its button and the result of pressing it.
    pub(super) fn card(&self, card: Card, content: &Markup, button: &Markup) -> Markup {
        html! {
            section.card id=(card.id()) {
                (content)
                div.actions { (button) (self.result(card)) }
            }
        }
    }

    /// Renders the result of a card's request.
    pub(super) fn result(&self, card: Card) -> Markup {
        let (notice, of) = self.notice;
        html! { @if of == Some(card) { (notice.in_card()) } }
    }

    pub(super) fn save_button(&self, card: Card) -> Markup {
        self.button(card, &self.locale.texts.preferences.save, false)
    }

    pub(super) fn quiet_button(&self, card: Card, text: &str) -> Markup {
        self.button(card, text, true)
    }

    fn button(&self, card: Card, text: &str, is_quiet: bool) -> Markup {
        html! {
            button.quiet[is_quiet] type="submit" name="do" value=(card.action()) formaction=(self.action_of(card)) { (text) }
        }
    }

    /// Renders the message of a field.
    pub(super) fn message(&self, field: &str) -> Markup {
        field_errors::message(self.problems, field, self.locale.texts)
    }

    /// Returns `true` for a field with a problem, for `aria-invalid`.
    pub(super) fn is_invalid(&self, field: &str) -> Option<&'static str> {
        field_errors::error_id(self.problems, field).map(|_| "true")
    }

    /// Returns the identifiers of a field's message and hint, for `aria-describedby`.
    pub(super) fn description(&self, field: &str, hint: Option<&str>) -> Option<String> {
        let message = field_errors::error_id(self.problems, field);
        let all: Vec<String> = message.into_iter().chain(hint.map(str::to_owned)).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    // The inputs: as typed, else as saved.

    pub(super) fn cadence(&self) -> Cadence {
        let typed = self.typed.and_then(|it| it.cadence.as_deref()?.parse().ok());
        typed.unwrap_or(self.reader.preferences.cadence)
    }

    pub(super) fn has_section(&self, key: &str) -> bool {
        if let Some(typed) = self.typed.and_then(|it| it.sections.as_ref()) {
            return typed.iter().any(|it| it == key);
        }
        let chosen = &self.reader.preferences.sections;
        !chosen.is_all() && chosen.contains(key)
    }

    pub(super) fn time_zone(&self) -> Option<&str> {
        match self.typed.and_then(|it| it.time_zone.as_deref()) {
            Some(typed) => Some(typed).filter(|zone| !zone.is_empty()),
            None => self.reader.preferences.time_zone_name(),
        }
    }

    pub(super) fn send_time(&self) -> String {
        match self.typed.and_then(|it| it.send_time.as_deref()) {
            Some(typed) => typed.to_owned(),
            None => self.reader.preferences.send_time_text().unwrap_or_default(),
        }
    }

    pub(super) fn language(&self) -> &str {
        self.typed.and_then(|it| it.language.as_deref()).unwrap_or(self.locale.language)
    }

    /// Returns the day that a break ends on.
    pub(super) fn until(&self) -> Option<Date> {
        let typed = self.typed.and_then(|it| it.until.as_deref()?.parse().ok());
        typed.or_else(|| self.reader.paused.flatten())
    }

    /// Returns the typed address, unless the change was requested.
    pub(super) fn address(&self) -> &str {
        match self.notice {
            (Notice::Done(_), Some(Card::Address)) => "",
            _ => self.typed.and_then(|it| it.address.as_deref()).unwrap_or_default(),
        }
    }
}
