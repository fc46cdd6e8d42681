//! The data that all parts of the preferences page share.

use crate::{
    actions::subscription::set_preferences::ReaderPreferences,
    domain::{token::KeyRing, validation::Problems},
    i18n::Locale,
    web::public::field_errors,
};
use jiff::Timestamp;
use maud::Markup;

/// A reader's preferences page.
pub(super) struct PageView<'a> {
    pub(super) reader: &'a ReaderPreferences,
    /// The reader's token.
    pub(super) token: &'a str,
    pub(super) locale: Locale,
    /// Problems with the submitted form.
    pub(super) problems: Option<&'a Problems>,
    pub(super) now: Timestamp,
    /// Whether the page's query names the language.
    pub(super) has_language_query: bool,
    /// Signs the links to the reader's other pages.
    pub(super) keys: &'a KeyRing,
}

impl PageView<'_> {
    /// Returns the URL that forms post to: the page itself, in the same language.
    pub(super) fn action(&self) -> String {
        let page = format!("/preferences/{}", self.token);
        if self.has_language_query { format!("{page}?lang={}", self.locale.language) } else { page }
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
}
