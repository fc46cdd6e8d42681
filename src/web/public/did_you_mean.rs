//! An address that was probably mistyped: the question, with both ways to go on.

use super::subscribe::Fields;
use crate::{
    db::newsletters::NewsletterRecord,
    domain::email_address::EmailAddress,
    web::layout::{Frame, respond},
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

/// The question, as a page.
pub fn page(newsletter: &NewsletterRecord, fields: &Fields, meant: &EmailAddress) -> Response {
    let it = &newsletter.newsletter;
    let frame = Frame { title: "Did you mean …?", brand: (&it.title, &it.tagline), language: &it.language };
    let content = html! {
        h1 { "Did you mean " (meant) "?" }
        p { "You entered " strong { (fields.email.trim()) } ", which looks like a slip." }
        form.signup method="post" action="/subscribe" {
            (again(fields, meant.as_str()))
            button type="submit" { "Yes, use " (meant) }
        }
        form.signup method="post" action="/subscribe" {
            (again(fields, fields.email.trim()))
            input type="hidden" name="as_typed" value="yes";
            button type="submit" { "No, " (fields.email.trim()) " is right" }
        }
    };
    respond(StatusCode::OK, frame, &content)
}

/// The question, for a program: what was meant, and how to insist.
pub fn problem(meant: &EmailAddress) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let body = serde_json::json!({
        "type": "about:blank", "title": "The address looks mistyped", "status": status.as_u16(),
        "detail": format!("Did you mean {meant}? To insist, send it again with \"as_typed\": \"yes\"."),
        "field": "email", "suggestion": meant.as_str(),
    });
    let mut answer = (status, Json(body)).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    answer
}

/// A domain that takes no mail, for a program, with what was probably meant.
pub(super) fn unreachable(why: &str, meant: Option<&EmailAddress>) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut body = serde_json::json!({
        "type": "about:blank", "title": "That address can't be taken", "status": status.as_u16(), "detail": why, "field": "email",
    });
    if let Some(meant) = meant {
        body["suggestion"] = meant.as_str().into();
    }
    let mut answer = (status, Json(body)).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    answer
}

/// What was entered, to be sent again with an address.
pub(super) fn again(fields: &Fields, email: &str) -> Markup {
    let others = [
        ("newsletter", &fields.newsletter),
        ("source", &fields.source),
        ("time_zone", &fields.time_zone),
        ("started", &fields.started),
    ];
    html! {
        input type="hidden" name="email" value=(email);
        @for (name, value) in others {
            @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
        }
    }
}
