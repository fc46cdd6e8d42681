//! Handles forms that are submitted faster than people type. Some readers are that fast, because their
//! browser fills in the address, so the form asks for one more press instead of dropping the signup.

use super::{
    challenge,
    did_you_mean::hidden_fields,
    signup_form::{SignupFields, SignupResponder},
};
use crate::web::{
    AppError, error,
    layout::{DisplayMode, Page, sheet},
};
use axum::{http::StatusCode, response::Response};
use maud::html;

/// Asks for one more press of the button, with the form filled in.
pub(super) fn ask_again(
    responder: &SignupResponder<'_>,
    fields: &SignupFields,
) -> Result<Response, AppError> {
    let locale = responder.locale;
    let t = &locale.texts.timing_guard;
    if responder.is_json {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(error::problem(locale.language, status, &t.title, &t.too_soon, []));
    }
    let content = html! {
        h1 { (t.title) }
        p { (t.too_soon) }
        form.actions method="post" action=(responder.mode.form_action()) data-challenge="/challenge" {
            (hidden_fields(fields, fields.email.trim()))
            @if let Some(value) = &fields.as_typed { input type="hidden" name="as_typed" value=(value); }
            button type="submit" { (t.button) }
        }
        (challenge::script(locale.texts))
    };
    let content = if responder.mode == DisplayMode::Window { sheet(&content) } else { content };
    let newsletter = responder.newsletter.ok_or(AppError::NoNewsletter)?;
    let page = Page { mode: responder.mode, ..Page::new(&newsletter.newsletter, &t.title, locale) };
    Ok(page.respond(StatusCode::OK, &content))
}
