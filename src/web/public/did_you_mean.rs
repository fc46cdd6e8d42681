//! An address that was probably mistyped: the question, with both ways to go on.

use crate::{
    db::newsletters::NewsletterRecord,
    domain::{
        subscriber::email_address::EmailAddress,
        validation::{Code, Problem},
    },
    i18n::{Spoken, around, fill},
    web::{
        error,
        layout::{Place, respond_for},
        public::{challenge, signup_form::SignupFields},
    },
};
use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};
use serde_json::json;

/// The question, as a page.
pub fn page(
    place: Place,
    newsletter: &NewsletterRecord,
    (language, words): Spoken,
    fields: &SignupFields,
    meant: &EmailAddress,
) -> Response {
    let say = &words.slip;
    let entered = fields.email.trim();
    let (before, after) = around(&say.entered, "address");
    let content = html! {
        h1 { (words.problem(&mistyped(meant))) }
        p { (before) strong { (entered) } (after) }
        form.signup method="post" action=(place.form_action()) data-challenge="/challenge" {
            (again(fields, meant.as_str()))
            button type="submit" { (of(&say.take, meant.as_str())) }
        }
        form.signup method="post" action=(place.form_action()) data-challenge="/challenge" {
            (again(fields, entered))
            input type="hidden" name="as_typed" value="yes";
            button type="submit" { (of(&say.keep, entered)) }
        }
        (challenge::script(words))
    };
    respond_for(place, StatusCode::OK, &newsletter.newsletter, (&say.title, language), &content)
}

/// The question, as a problem for programs: the suggestion, the fields that insist on the address, and labels for two buttons.
pub fn problem(fields: &SignupFields, (language, words): Spoken, meant: &EmailAddress) -> Response {
    let say = &words.slip;
    let members = [
        ("suggestion", meant.as_str().into()),
        ("insist", json!({ "as_typed": "yes" })),
        ("take", of(&say.take, meant.as_str()).into()),
        ("keep", of(&say.keep, fields.email.trim()).into()),
    ];
    error::invalid((language, words), &mistyped(meant).into(), members)
}

fn mistyped(meant: &EmailAddress) -> Problem {
    Code::AddressMistyped.at("email").with("address", meant)
}

fn of(text: &str, address: &str) -> String {
    fill(text, &[("address", address)])
}

/// What was entered, to be sent again with an address.
pub(super) fn again(fields: &SignupFields, email: &str) -> Markup {
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
