//! Our own form, when it comes back faster than people type. Some readers are that fast, because their browser fills in the address.
//! So the signup is not dropped: it takes one more press.

use super::{
    challenge,
    did_you_mean::again,
    signup_form::{Asked, SignupFields},
};
use crate::web::{AppError, Site, error, layout::respond_for};
use axum::{http::StatusCode, response::Response};
use maud::html;

/// Asks for one more press. The form is filled in.
pub(super) async fn ask(site: &Site, asked: &Asked<'_>, fields: &SignupFields) -> Result<Response, AppError> {
    let (language, words) = asked.spoken;
    let say = &words.timing_guard;
    if asked.json {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(error::problem(language, status, &say.title, &say.too_soon, []));
    }
    let content = html! {
        h1 { (say.title) }
        p { (say.too_soon) }
        form.signup method="post" action=(asked.place.form_action()) data-challenge="/challenge" {
            (again(fields, fields.email.trim()))
            @if let Some(value) = &fields.as_typed { input type="hidden" name="as_typed" value=(value); }
            button type="submit" { (say.button) }
        }
        (challenge::script(words))
    };
    let newsletter = asked.newsletter(site).await?;
    Ok(respond_for(asked.place, StatusCode::OK, &newsletter.newsletter, (&say.title, language), &content))
}
