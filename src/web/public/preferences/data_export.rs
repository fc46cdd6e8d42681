//! `/data-export/{token}`: all that is held about a reader. GET shows a button, because mail scanners follow links; POST downloads the
//! file.

use crate::{
    actions::privacy::data_export::{self, ExportLink},
    db::newsletters::NewsletterRecord,
    i18n::{self, fill},
    web::{
        AppError, Site,
        layout::{Frame, respond},
        negotiate::AskedLanguage,
        public::preferences::{page, view::Speech},
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
    Query(asked): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(show(data_export::look(&site.subscription, &token).await?, &asked, &headers))
}

/// Downloads the file.
pub async fn post(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(asked): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(match data_export::read(&site.subscription, &token).await? {
        Ok(export) => {
            let kind = (header::CONTENT_TYPE, "application/json");
            let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"data-export.json\"");
            ([kind, name], export.to_json()?).into_response()
        }
        Err(state) => show(state, &asked, &headers),
    })
}

fn show(state: ExportLink, asked: &AskedLanguage, headers: &HeaderMap) -> Response {
    match state {
        ExportLink::Unknown => {
            let speech = Speech::new(i18n::choose(asked.lang.as_deref(), "", headers));
            page::plain(speech, StatusCode::NOT_FOUND, &speech.say.bad_link, &speech.say.cut_off)
        }
        ExportLink::Expired { newsletter, language } => {
            let speech = speech(asked, language.as_deref(), &newsletter, headers);
            let say = &speech.words.data_export;
            framed(&newsletter, speech, StatusCode::GONE, &say.expired, &html! { p { (say.ask_again) } })
        }
        ExportLink::Ready { newsletter, language, address } => {
            let speech = speech(asked, language.as_deref(), &newsletter, headers);
            let say = &speech.words.data_export;
            let content = html! {
                p { (fill(&say.one_click, &[("address", address.as_str())])) }
                form.signup method="post" { button type="submit" { (say.button) } }
            };
            framed(&newsletter, speech, StatusCode::OK, &say.title, &content)
        }
    }
}

/// The language of a page that an email's link leads to.
pub(super) fn speech(
    asked: &AskedLanguage,
    own: Option<&str>,
    newsletter: &NewsletterRecord,
    headers: &HeaderMap,
) -> Speech {
    Speech::new(asked.spoken(own, newsletter, headers))
}

/// A page under a newsletter's name.
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
