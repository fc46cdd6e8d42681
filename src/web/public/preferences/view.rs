//! What all parts of a reader's page share.

use crate::{
    actions::subscription::set_preferences::Choice,
    domain::{token::KeyRing, validation::Problems},
    i18n::{Preferences, Words, fill},
    web::public::field_errors,
};
use jiff::{Timestamp, civil::Date};
use maud::Markup;

/// The language of a page and its texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speech {
    /// Its tag.
    pub(super) language: &'static str,
    /// All texts in it.
    pub(super) words: &'static Words,
    /// The texts of this page.
    pub(super) say: &'static Preferences,
}

impl Speech {
    pub(super) fn new((language, words): (&'static str, &'static Words)) -> Self {
        Self { language, words, say: &words.preferences }
    }

    /// A day, written out.
    pub(super) fn long_date(self, date: Date) -> String {
        self.words.issues.long_date(date)
    }

    /// A text about a day.
    pub(super) fn about_date(self, text: &str, date: Date) -> String {
        fill(text, &[("date", &self.long_date(date))])
    }
}

/// A reader's page.
pub(super) struct Page<'a> {
    /// The reader's choices and what else there is to choose.
    pub(super) choice: &'a Choice,
    /// The reader's own token.
    pub(super) token: &'a str,
    pub(super) speech: Speech,
    /// Problems with the form that was sent.
    pub(super) problems: Option<&'a Problems>,
    pub(super) now: Timestamp,
    /// Whether the page's address asks for the language.
    pub(super) is_asked: bool,
    /// Signs the links to the reader's other pages.
    pub(super) keys: &'a KeyRing,
}

impl Page<'_> {
    /// The address that forms post to: that of the page, with the language it was asked for.
    pub(super) fn action(&self) -> String {
        let page = format!("/preferences/{}", self.token);
        if self.is_asked { format!("{page}?lang={}", self.speech.language) } else { page }
    }

    /// The message beside a field.
    pub(super) fn message(&self, field: &str) -> Markup {
        field_errors::message(self.problems, field, self.speech.words)
    }

    /// `true` for a field with a problem, for `aria-invalid`.
    pub(super) fn is_invalid(&self, field: &str) -> Option<&'static str> {
        field_errors::error_id(self.problems, field).map(|_| "true")
    }

    /// The identifiers of a field's message and hint, for `aria-describedby`.
    pub(super) fn description(&self, field: &str, hint: Option<&str>) -> Option<String> {
        let message = field_errors::error_id(self.problems, field);
        let all: Vec<String> = message.into_iter().chain(hint.map(str::to_owned)).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}
