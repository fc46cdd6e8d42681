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
        layout::{DisplayMode, newsletter_page_response},
        public::{challenge, signup_form::SignupFields},
    },
};
use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};
use serde_json::json;

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
        p { (before) strong { (entered) } (after) }
        form.signup method="post" action=(mode.form_action()) data-challenge="/challenge" {
            (hidden_fields(fields, suggestion.as_str()))
            button type="submit" { (with_address(&t.take, suggestion.as_str())) }
        }
        form.signup method="post" action=(mode.form_action()) data-challenge="/challenge" {
            (hidden_fields(fields, entered))
            input type="hidden" name="as_typed" value="yes";
            button type="submit" { (with_address(&t.keep, entered)) }
        }
        (challenge::script(locale.texts))
    };
    newsletter_page_response(
        mode,
        StatusCode::OK,
        &newsletter.newsletter,
        (&t.title, locale.language),
        &content,
    )
}

/// Asks a JSON client by a problem: the suggestion, the fields that keep the address, and labels for two
/// buttons.
pub fn problem(fields: &SignupFields, locale: Locale, suggestion: &EmailAddress) -> Response {
    let t = &locale.texts.typo;
    let members = [
        ("suggestion", suggestion.as_str().into()),
        ("insist", json!({ "as_typed": "yes" })),
        ("take", with_address(&t.take, suggestion.as_str()).into()),
        ("keep", with_address(&t.keep, fields.email.trim()).into()),
    ];
    error::invalid(locale, &mistyped(suggestion).into(), members)
}

fn mistyped(suggestion: &EmailAddress) -> Problem {
    Code::AddressMistyped.at("email").with("address", suggestion)
}

fn with_address(text: &str, address: &str) -> String {
    interpolate(text, &[("address", address)])
}

/// Renders the entered values as hidden fields, with another address.
pub(super) fn hidden_fields(fields: &SignupFields, email: &str) -> Markup {
    let others = [
        ("source", &fields.source),
        ("time_zone", &fields.time_zone),
        ("lang", &fields.lang),
        ("started", &fields.started),
    ];
    html! {
        input type="hidden" name="email" value=(email);
        @for slug in &fields.newsletter { input type="hidden" name="newsletter" value=(slug); }
        @for (name, value) in others {
            @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
        }
    }
}
