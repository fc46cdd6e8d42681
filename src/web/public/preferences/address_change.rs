//! `/address/{token}`: one address of a change confirms. GET shows a button and changes nothing, because mail scanners follow links;
//! POST confirms.

use crate::{
    actions::subscription::change_address::{self, About, Change},
    i18n::{self, fill},
    web::{
        AppError, Site,
        negotiate::{AskedLanguage, evidence},
        public::preferences::{
            data_export::{framed, speech},
            page,
            view::Speech,
        },
    },
};
use axum::{
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use maud::html;
use std::net::SocketAddr;

/// Shows the button.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(asked): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(show(&change_address::look(&site.subscription, &token).await?, &asked, &headers))
}

/// Confirms.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(asked): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let evidence = evidence(peer, &headers, None);
    Ok(show(&change_address::confirm(&site.subscription, &token, &evidence).await?, &asked, &headers))
}

fn show(state: &Change, asked: &AskedLanguage, headers: &HeaderMap) -> Response {
    let (Change::Expired(about) | Change::Ready(about) | Change::Waiting(about) | Change::Done(about)) =
        state
    else {
        let speech = Speech::new(i18n::choose(asked.lang.as_deref(), "", headers));
        return page::plain(speech, StatusCode::NOT_FOUND, &speech.say.bad_link, &speech.say.cut_off);
    };
    let speech = speech(asked, about.language.as_deref(), &about.newsletter, headers);
    let say = &speech.words.address_change;
    let (status, title, content) = match state {
        Change::Ready(_) => {
            let text = if about.old_address.is_some() { &say.at_old } else { &say.at_new };
            let content = html! {
                p { (told(text, about)) }
                @if !about.already_subscribed.is_empty() { p { (told(&say.already_subscribed, about)) } }
                form.signup method="post" { button type="submit" { (say.button) } }
                p.fine-print { (say.not_you) }
            };
            (StatusCode::OK, &say.title, content)
        }
        Change::Waiting(_) => (StatusCode::OK, &say.waiting, html! { p { (say.other_end) } }),
        Change::Done(_) => (StatusCode::OK, &say.done, html! { p { (told(&say.comes_there, about)) } }),
        Change::Expired(_) | Change::Unknown => {
            (StatusCode::GONE, &say.expired, html! { p { (say.ask_again) } })
        }
    };
    framed(&about.newsletter, speech, status, title, &content)
}

fn told(text: &str, about: &About) -> String {
    let old = about.old_address.as_deref().unwrap_or_default();
    fill(text, &[("old", old), ("new", &about.new_address), ("newsletters", &about.already_subscribed)])
}
