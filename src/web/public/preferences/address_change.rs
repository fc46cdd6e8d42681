//! `/address/{token}`: confirms one address of a change. GET shows a button and changes nothing, because mail
//! scanners follow links; POST confirms.

use crate::{
    actions::subscription::change_address::{self, AddressChange, AddressChangeLink},
    i18n::{self, interpolate},
    web::{
        AppError, Site,
        negotiate::{LanguageQuery, evidence},
        public::preferences::data_export::newsletter_page,
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
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(page_for(&change_address::inspect_link(&site.subscription, &token).await?, &query, &headers))
}

/// Confirms a change of address.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let evidence = evidence(peer, &headers, None);
    Ok(page_for(&change_address::confirm(&site.subscription, &token, &evidence).await?, &query, &headers))
}

fn page_for(link: &AddressChangeLink, query: &LanguageQuery, headers: &HeaderMap) -> Response {
    let (AddressChangeLink::Expired(change)
    | AddressChangeLink::Ready(change)
    | AddressChangeLink::Waiting(change)
    | AddressChangeLink::Done(change)) = link
    else {
        let locale = i18n::negotiate_locale([query.lang.as_deref()], headers);
        return AppError::BrokenLink.in_language(locale.language);
    };
    let locale = query.locale(change.language.as_deref(), &change.newsletter, headers);
    let t = &locale.texts.address_change;
    let (status, title, content) = match link {
        AddressChangeLink::Ready(_) => {
            let text = if change.old_address.is_some() { &t.at_old_address } else { &t.at_new_address };
            let content = html! {
                p { (with_addresses(text, change)) }
                @if !change.already_subscribed.is_empty() { p { (with_addresses(&t.already_subscribed, change)) } }
                form.actions method="post" { button type="submit" { (t.button) } }
                p.fine-print { (t.not_you) }
            };
            (StatusCode::OK, &t.title, content)
        }
        AddressChangeLink::Waiting(_) => (StatusCode::OK, &t.waiting, html! { p { (t.waiting_hint) } }),
        AddressChangeLink::Done(_) => {
            (StatusCode::OK, &t.done, html! { p { (with_addresses(&t.done_hint, change)) } })
        }
        AddressChangeLink::Expired(_) | AddressChangeLink::Unknown => {
            (StatusCode::GONE, &t.expired, html! { p { (t.expired_hint) } })
        }
    };
    newsletter_page(&change.newsletter, locale, status, title, &content)
}

fn with_addresses(text: &str, change: &AddressChange) -> String {
    let old = change.old_address.as_deref().unwrap_or_default();
    interpolate(
        text,
        &[("old", old), ("new", &change.new_address), ("newsletters", &change.already_subscribed)],
    )
}
