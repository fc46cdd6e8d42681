//! `GET /`: the signup page.

use crate::{
    db::newsletters::NewsletterRecord,
    domain::{email_address::MAX_ADDRESS_BYTES, signup_proof::form_stamp, signup_wording::signup_wording},
    web::{
        Site, WebError,
        layout::{Frame, respond},
        words::{self, Spoken, fill},
    },
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use maud::html;

/// Which newsletter the page is for, and in which language it is.
#[derive(Debug, serde::Deserialize)]
pub struct Choice {
    newsletter: Option<String>,
    lang: Option<String>,
}

/// The page with an empty form.
pub async fn get(
    State(site): State<Site>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let newsletter = site.newsletter(choice.newsletter.as_deref()).await?;
    let spoken = words::choose(choice.lang.as_deref(), &newsletter.newsletter.language, &headers);
    Ok(show(&site, StatusCode::OK, &newsletter, spoken, "", None))
}

/// The page, with what was entered and what is wrong with it.
pub fn show(
    site: &Site,
    status: StatusCode,
    newsletter: &NewsletterRecord,
    (language, words): Spoken,
    entered: &str,
    error: Option<&str>,
) -> Response {
    let (it, say) = (&newsletter.newsletter, &words.signup);
    let frame = Frame { title: &it.title, brand: (&it.title, &it.tagline), language };
    let content = html! {
        h1 { (fill(&say.headline, &[("newsletter", &it.title)])) }
        form.signup method="post" action="/subscribe" {
            @if let Some(error) = error {
                p.notice."notice--error" id="email-error" role="alert" { (error) }
            }
            label for="email" { (say.address) }
            input #email type="email" name="email" value=(entered) required autocomplete="email"
                maxlength=(MAX_ADDRESS_BYTES) placeholder="you@example.org"
                aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| "email-error")];
            input type="hidden" name="newsletter" value=(it.slug);
            input type="hidden" name="lang" value=(language);
            input type="hidden" name="time_zone" value="";
            input type="hidden" name="started" value=(form_stamp(&site.actions.keys, site.actions.clock.now()));
            // No person sees this field; programs fill in what they find.
            div hidden {
                label for="website" { "Leave this empty" }
                input #website type="text" name="website" tabindex="-1" autocomplete="off";
            }
            button type="submit" { (say.button) }
        }
        script src="/assets/time-zone.js" defer {}
        p.fine-print { (signup_wording(Some(language)).text) }
    };
    respond(status, frame, &content)
}
