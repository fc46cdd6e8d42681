//! `/confirm/{token}`: GET shows a button and changes nothing, because mail scanners follow links; POST confirms.

use crate::{
    actions::confirm::{self, Confirmation},
    db::newsletters::NewsletterRecord,
    web::{
        Site, WebError, error,
        layout::{Frame, respond},
        negotiate::evidence,
    },
};
use axum::{
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use maud::{Markup, html};
use std::net::SocketAddr;

/// Shows the button.
pub async fn get(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    Ok(show(confirm::look(&site.actions, &token).await?))
}

/// Confirms.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    Ok(show(confirm::confirm(&site.actions, &token, &evidence(peer, &headers, None)).await?))
}

fn show(state: Confirmation) -> Response {
    match state {
        Confirmation::Unknown => error::page(
            StatusCode::NOT_FOUND,
            "This link does not work",
            "It may have been cut off on the way: copy the whole link from the mail, or sign up again for a new one.",
        ),
        Confirmation::Expired { newsletter } => page(
            StatusCode::GONE,
            &newsletter,
            "This link has expired",
            &html! {
                p { "For your safety a confirmation link works for a limited time only." }
                p { a.button href={ "/?newsletter=" (newsletter.newsletter.slug) } { "Sign up again" } }
            },
        ),
        Confirmation::Ready { newsletter, address } => page(
            StatusCode::OK,
            &newsletter,
            &format!("Get {} by mail?", newsletter.newsletter.title),
            &html! {
                p { "One click and " strong { (address) } " is on the list." }
                // No action: the form posts to the page's own address, token included.
                form.signup method="post" { button type="submit" { "Yes, sign me up" } }
                p.fine-print { "You did not ask for this? Close the page, and nothing happens." }
            },
        ),
        Confirmation::Confirmed { newsletter } => page(
            StatusCode::OK,
            &newsletter,
            "You are in",
            &html! {
                p { "The next issue of " (newsletter.newsletter.title) " comes to your inbox." }
                p { a href="/issues" { "Read past issues" } " until then." }
            },
        ),
    }
}

fn page(status: StatusCode, newsletter: &NewsletterRecord, title: &str, content: &Markup) -> Response {
    let it = &newsletter.newsletter;
    let frame = Frame { title, brand: (&it.title, &it.tagline), language: &it.language };
    respond(status, frame, &html! { h1 { (title) } (content) })
}
