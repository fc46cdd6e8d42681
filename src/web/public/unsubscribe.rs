//! `/unsubscribe/{token}`: GET shows a button and changes nothing; POST leaves at once, without cookie, login or redirect: the
//! button's, and that of mail programs (RFC 8058).

use crate::{
    actions::unsubscribe::{self, Leaving},
    db::newsletters::NewsletterRecord,
    web::{
        Site, WebError, error,
        layout::{Frame, respond},
        negotiate::{evidence, media_type},
    },
};
use axum::{
    body::Bytes,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use std::net::SocketAddr;

/// Shows the button.
pub async fn get(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    Ok(show(unsubscribe::look(&site.actions, &token).await?))
}

/// Leaves.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let one_click = is_one_click(&headers, &body);
    let method = if one_click { "one_click" } else { "link" };
    let evidence = evidence(peer, &headers, None);
    let state = unsubscribe::unsubscribe(&site.actions, &token, method, &evidence).await?;
    if one_click {
        return Ok(match state {
            Leaving::Unknown => (StatusCode::NOT_FOUND, "unknown link\n").into_response(),
            _ => "unsubscribed\n".into_response(),
        });
    }
    Ok(show(state))
}

/// A mail program sends `List-Unsubscribe=One-Click` as a form of either encoding (RFC 8058 section 3.2).
fn is_one_click(headers: &HeaderMap, body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    match media_type(headers, &header::CONTENT_TYPE).as_str() {
        "multipart/form-data" => body.contains("List-Unsubscribe") && body.contains("One-Click"),
        _ => body.split('&').any(|pair| pair.trim() == "List-Unsubscribe=One-Click"),
    }
}

fn show(state: Leaving) -> Response {
    match state {
        Leaving::Unknown => error::page(
            StatusCode::NOT_FOUND,
            "This link does not work",
            "It may have been cut off on the way: copy the whole link from the mail.",
        ),
        Leaving::Test => error::page(
            StatusCode::OK,
            "This was a test",
            "In a reader's copy this link ends the subscription. In a test mail it does nothing.",
        ),
        Leaving::Subscribed { newsletter, address } => page(
            &newsletter,
            &format!("Leave {}?", newsletter.newsletter.title),
            &html! {
                p { "Nothing more will be sent to " strong { (address) } "." }
                form.signup method="post" { button type="submit" { "Unsubscribe" } }
            },
        ),
        Leaving::Gone { newsletter } => page(
            &newsletter,
            "You have left",
            &html! {
                p { "No further issue of " (newsletter.newsletter.title) " will be sent to you." }
                p {
                    "By mistake? "
                    a href={ "/?newsletter=" (newsletter.newsletter.slug) } { "Sign up again" } "."
                }
            },
        ),
    }
}

fn page(newsletter: &NewsletterRecord, title: &str, content: &Markup) -> Response {
    let it = &newsletter.newsletter;
    let frame = Frame { title, brand: (&it.title, &it.tagline), language: &it.language };
    respond(StatusCode::OK, frame, &html! { h1 { (title) } (content) })
}
