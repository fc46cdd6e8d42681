//! `/confirm/{token}`: GET shows a button and changes nothing, because mail scanners follow links; POST confirms. In the browser
//! that signed up, GET confirms at once. `/confirm/{token}/renew`: POST sends a new link for one that has expired.

use super::subscribe;
use crate::{
    actions::{
        confirm::{self, Confirmation, ConfirmedBy},
        subscribe::SubscribeError,
    },
    db::newsletters::NewsletterRecord,
    web::{
        Site, WebError, error,
        layout::{Frame, respond},
        negotiate::{BROWSER_COOKIE, cookie, evidence, is_visit},
        words::{self, around, fill},
    },
};
use axum::{
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use maud::{Markup, html};
use std::net::SocketAddr;

/// Shows the button, or confirms at once for a reader who is known to be the one who signed up.
pub async fn get(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let mut state = confirm::look(&site.actions, &token).await?;
    if let Confirmation::Ready { address, .. } = &state
        && method == Method::GET
        && is_visit(&headers)
        && cookie(&headers, BROWSER_COOKIE)
            .is_some_and(|mark| confirm::asked_here(&site.actions, mark, address))
    {
        let evidence = evidence(peer, &headers, None);
        state = confirm::confirm(&site.actions, &token, ConfirmedBy::SameBrowser, &evidence).await?;
    }
    Ok(show(&token, state))
}

/// Sends a new link.
pub async fn renew(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    match confirm::renew(&site.actions, &token, &evidence(peer, &headers, None)).await {
        Ok(Some(newsletter)) => subscribe::accepted(&site, &newsletter.newsletter.slug).await,
        Ok(None) => Ok(show(&token, confirm::look(&site.actions, &token).await?)),
        Err(SubscribeError::TooMany { wait }) => Ok(error::too_many(&headers, wait)),
        Err(SubscribeError::NoSuchNewsletter(slug)) => {
            Err(WebError::NotFound(format!("There is no newsletter “{slug}”.")))
        }
        Err(
            why
            @ (SubscribeError::Blocked(_) | SubscribeError::RoleAccount | SubscribeError::NewsletterCount),
        ) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(error::page(status, "That address can't be taken", &why.to_string()))
        }
        Err(SubscribeError::Db(error)) => Err(error.into()),
    }
}

/// Confirms.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let evidence = evidence(peer, &headers, None);
    Ok(show(&token, confirm::confirm(&site.actions, &token, ConfirmedBy::Button, &evidence).await?))
}

fn show(token: &str, state: Confirmation) -> Response {
    match state {
        Confirmation::Unknown => error::page(
            StatusCode::NOT_FOUND,
            "This link does not work",
            "It may have been cut off on the way: copy the whole link from the mail, or sign up again for a new one.",
        ),
        Confirmation::Expired { newsletter } => {
            let say = &words::of(&newsletter.newsletter.language).confirm;
            page(
                StatusCode::GONE,
                &newsletter,
                &say.expired,
                &html! {
                    p { (say.why_expired) }
                    form.signup method="post" action={ "/confirm/" (token) "/renew" } {
                        button type="submit" { (say.renew) }
                    }
                },
            )
        }
        Confirmation::Ready { newsletter, titles, address } => {
            let say = &words::of(&newsletter.newsletter.language).confirm;
            let (before, after) = around(&say.one_click, "address");
            page(
                StatusCode::OK,
                &newsletter,
                &fill(&say.ready, &[("newsletter", &titles)]),
                &html! {
                    p { (before) strong { (address) } (after) }
                    // No action: the form posts to the page's own address, token included.
                    form.signup method="post" { button type="submit" { (say.button) } }
                    p.fine-print { (say.not_you) }
                },
            )
        }
        Confirmation::Confirmed { newsletter, titles } => {
            let say = &words::of(&newsletter.newsletter.language).confirm;
            page(
                StatusCode::OK,
                &newsletter,
                &say.done,
                &html! {
                    p { (fill(&say.next, &[("newsletter", &titles)])) }
                    p { a href="/issues" { (say.until_then) } }
                },
            )
        }
    }
}

fn page(status: StatusCode, newsletter: &NewsletterRecord, title: &str, content: &Markup) -> Response {
    let it = &newsletter.newsletter;
    let frame = Frame { title, brand: (&it.title, &it.tagline), language: &it.language };
    respond(status, frame, &html! { h1 { (title) } (content) })
}
