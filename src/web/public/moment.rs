//! A form of ours that came back sooner than people type. Some are that quick, with a browser that fills the address in: nobody's signup
//! is swallowed for it, one more press takes it.

use super::{
    did_you_mean::again,
    subscribe::{Asked, Fields},
};
use crate::web::{AppError, Site, error, layout::respond_for};
use axum::{http::StatusCode, response::Response};
use maud::html;

/// Asks for one more press, with everything filled in.
pub(super) async fn ask(site: &Site, asked: &Asked<'_>, fields: &Fields) -> Result<Response, AppError> {
    let (language, words) = asked.spoken;
    let say = &words.proof;
    if asked.json {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(error::problem(language, status, &say.title, &say.too_soon, []));
    }
    let content = html! {
        h1 { (say.title) }
        p { (say.too_soon) }
        form.signup method="post" action=(asked.place.form_action()) {
            (again(fields, fields.email.trim()))
            @if let Some(value) = &fields.as_typed { input type="hidden" name="as_typed" value=(value); }
            @for (name, value) in fields.shown() { input type="hidden" name=(name) value=(value); }
            button type="submit" { (say.button) }
        }
    };
    let newsletter = asked.newsletter(site).await?;
    Ok(respond_for(asked.place, StatusCode::OK, &newsletter.newsletter, (&say.title, language), &content))
}
