//! Asks about an address that looks mistyped, with a button for each answer.

use crate::{
    db::newsletters::NewsletterRecord,
    domain::{
        subscriber::email_address::EmailAddress,
        validation::{Code, Problem},
    },
    i18n::{Locale, interpolate, split_at},
    web::{
        error,
        layout::{DisplayMode, Page, sheet},
        public::{challenge, signup_form::SignupFields},
    },
};
use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};
use serde_json::json;
use std::collections::HashSet;

/// Asks on a page.
pub fn page(
    mode: DisplayMode,
    newsletter: &NewsletterRecord,
    locale: Locale,
    fields: &SignupFields,
    suggestion: &EmailAddress,
) -> Response {
    let t = &locale.texts.typo;
    let entered = fields.email.trim();
    let (before, after) = split_at(&t.entered, "address");
    let content = html! {
        h1 { (locale.texts.problem(&mistyped(suggestion))) }
        p { (before) b { (entered) } (after) }
        form.actions method="post" action=(mode.form_action()) data-challenge="/challenge" {
            (hidden_fields(fields, suggestion.as_str()))
            button type="submit" { (take_label(locale, suggestion)) }
        }
        form.actions method="post" action=(mode.form_action()) data-challenge="/challenge" {
            (hidden_fields(fields, entered))
            input type="hidden" name="as_typed" value="yes";
            button.quiet type="submit" { (t.keep) }
        }
        (challenge::script(locale.texts))
    };
    let content = if mode == DisplayMode::Window { sheet(&content) } else { content };
    Page { mode, ..Page::new(&newsletter.newsletter, &t.title, locale) }.respond(StatusCode::OK, &content)
}

/// Asks a JSON client by a problem: the suggestion, the fields that keep the address, and labels for two
/// buttons.
pub fn problem(locale: Locale, suggestion: &EmailAddress) -> Response {
    let t = &locale.texts.typo;
    let members = [
        ("suggestion", suggestion.as_str().into()),
        ("insist", json!({ "as_typed": "yes" })),
        ("take", take_label(locale, suggestion).into()),
        ("keep", t.keep.as_str().into()),
    ];
    error::invalid(locale, &mistyped(suggestion).into(), members)
}

fn mistyped(suggestion: &EmailAddress) -> Problem {
    Code::AddressMistyped.at("email").with("address", suggestion)
}

/// Returns the label of the button that takes a suggestion.
pub(super) fn take_label(locale: Locale, suggestion: &EmailAddress) -> String {
    interpolate(&locale.texts.typo.take, &[("address", suggestion.as_str())])
}

/// Renders the entered values as hidden fields, with another address.
pub(super) fn hidden_fields(fields: &SignupFields, email: &str) -> Markup {
    let others = [
        ("source", &fields.source),
        ("time_zone", &fields.time_zone),
        ("lang", &fields.lang),
        ("started", &fields.started),
    ];
    // An empty one says that none was ticked. A name that is given often is repeated once.
    let mut seen = HashSet::new();
    let chosen = fields.newsletter.iter().filter(|slug| seen.insert(slug.as_str()));
    html! {
        input type="hidden" name="email" value=(email);
        @for slug in chosen { input type="hidden" name="newsletter" value=(slug); }
        @for (name, value) in others {
            @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
        }
    }
}
