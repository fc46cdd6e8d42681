//! `GET /`: the signup page.

use crate::{
    db::newsletters::NewsletterRecord,
    domain::{consent::SIGNUP_WORDING, email_address::MAX_ADDRESS_BYTES},
    web::{
        Site, WebError,
        layout::{Frame, respond},
    },
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use maud::html;

/// Which newsletter the page is for.
#[derive(Debug, serde::Deserialize)]
pub struct Choice {
    newsletter: Option<String>,
}

/// The page with an empty form.
pub async fn get(State(site): State<Site>, Query(choice): Query<Choice>) -> Result<Response, WebError> {
    let newsletter = site.newsletter(choice.newsletter.as_deref()).await?;
    Ok(show(StatusCode::OK, &newsletter, "", None))
}

/// The page, with what was entered and what is wrong with it.
pub fn show(
    status: StatusCode,
    newsletter: &NewsletterRecord,
    entered: &str,
    error: Option<&str>,
) -> Response {
    let it = &newsletter.newsletter;
    let frame = Frame { title: &it.title, brand: (&it.title, &it.tagline), language: &it.language };
    let content = html! {
        h1 { "Read " (it.title) " in your inbox" }
        form.signup method="post" action="/subscribe" {
            @if let Some(error) = error {
                p.notice."notice--error" id="email-error" role="alert" { (error) "." }
            }
            label for="email" { "Email address" }
            input #email type="email" name="email" value=(entered) required autocomplete="email"
                maxlength=(MAX_ADDRESS_BYTES) placeholder="you@example.org"
                aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| "email-error")];
            input type="hidden" name="newsletter" value=(it.slug);
            input type="hidden" name="time_zone" value="";
            button type="submit" { "Sign up" }
        }
        p.fine-print { (SIGNUP_WORDING) }
        script src="/assets/time-zone.js" defer {}
    };
    respond(status, frame, &content)
}
