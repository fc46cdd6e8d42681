//! `/copy/{token}`: everything that is held about a reader. GET shows a button, because mail scanners follow links; POST hands the
//! file out.

use super::{Asked, page, page::Speech};
use crate::{
    actions::send_copy::{self, CopyLink},
    db::newsletters::NewsletterRecord,
    web::{
        AppError, Site,
        layout::{Frame, respond},
        words::{self, fill},
    },
};
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

/// Shows the button.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(show(send_copy::look(&site.actions, &token).await?, &asked, &headers))
}

/// Hands the file out.
pub async fn post(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(match send_copy::copy(&site.actions, &token).await? {
        Ok(text) => {
            let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
            let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"everything-held.txt\"");
            ([kind, name], text).into_response()
        }
        Err(state) => show(state, &asked, &headers),
    })
}

fn show(state: CopyLink, asked: &Asked, headers: &HeaderMap) -> Response {
    match state {
        CopyLink::Unknown => {
            let speech = Speech::new(words::choose(asked.lang.as_deref(), "", headers));
            page::plain(speech, StatusCode::NOT_FOUND, &speech.say.bad_link, &speech.say.cut_off)
        }
        CopyLink::Expired { newsletter, language } => {
            let speech = speech(asked, language.as_deref(), &newsletter, headers);
            let say = &speech.words.copy;
            framed(&newsletter, speech, StatusCode::GONE, &say.expired, &html! { p { (say.ask_again) } })
        }
        CopyLink::Ready { newsletter, language, address } => {
            let speech = speech(asked, language.as_deref(), &newsletter, headers);
            let say = &speech.words.copy;
            let content = html! {
                p { (fill(&say.one_click, &[("address", address.as_str())])) }
                form.signup method="post" { button type="submit" { (say.button) } }
            };
            framed(&newsletter, speech, StatusCode::OK, &say.title, &content)
        }
    }
}

/// How a page speaks to the reader of a mail.
pub(super) fn speech(
    asked: &Asked,
    own: Option<&str>,
    newsletter: &NewsletterRecord,
    headers: &HeaderMap,
) -> Speech {
    let wishes = [asked.lang.as_deref(), own, Some(newsletter.newsletter.language.as_str())];
    Speech::new(words::spoken(wishes, headers))
}

/// A page in a newsletter's name.
pub(super) fn framed(
    newsletter: &NewsletterRecord,
    speech: Speech,
    status: StatusCode,
    title: &str,
    content: &Markup,
) -> Response {
    let it = &newsletter.newsletter;
    let frame = Frame { title, brand: (&it.title, &it.tagline), language: speech.language };
    respond(status, frame, &html! { h1 { (title) } (content) })
}
