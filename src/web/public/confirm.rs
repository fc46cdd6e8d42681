//! `/confirm/{token}`: GET shows a button and changes nothing, because mail scanners follow links; POST confirms. In the browser
//! that signed up, GET confirms at once. `/confirm/{token}/renew`: POST sends a new link for one that has expired.

use crate::{
    actions::signup::{
        confirm::{self, Confirmation, ConfirmedBy},
        request::SubscribeError,
    },
    db::newsletters::NewsletterRecord,
    i18n::{self, around, fill},
    web::{
        AppError, Site,
        layout::{Place, respond_for},
        negotiate::{AskedLanguage, BROWSER_COOKIE, cookie, evidence, is_visit},
        public::{field_errors, subscribe},
    },
};
use axum::{
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use std::net::SocketAddr;

/// Shows the button, or confirms at once for a reader who is known to be the one who signed up.
pub async fn get(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<AskedLanguage>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let mut state = confirm::look(&site.signup, &token).await?;
    if let Confirmation::Ready { address, .. } = &state
        && method == Method::GET
        && is_visit(&headers)
        && cookie(&headers, BROWSER_COOKIE)
            .is_some_and(|mark| confirm::asked_here(&site.signup, mark, address))
    {
        let evidence = evidence(peer, &headers, None);
        state = confirm::confirm(&site.signup, &token, ConfirmedBy::SameBrowser, &evidence).await?;
    }
    Ok(show(&token, state, &query, &headers))
}

/// Sends a new link.
pub async fn renew(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    match confirm::renew(&site.signup, &token, &evidence(peer, &headers, None)).await {
        Ok(Some((newsletter, language))) => {
            let spoken = query.spoken(language.as_deref(), &newsletter, &headers);
            let title = &newsletter.newsletter.title;
            Ok(subscribe::accepted(Place::Window, &newsletter, title, spoken))
        }
        Ok(None) => Ok(show(&token, confirm::look(&site.signup, &token).await?, &query, &headers)),
        Err(SubscribeError::TooMany { wait }) => Ok(AppError::TooMany(wait).into_response()),
        Err(SubscribeError::NoSuchNewsletter(slug)) => Err(AppError::NoNewsletter(slug)),
        Err(SubscribeError::Db(error)) => Err(error.into()),
        Err(why) => {
            let (_, words) = i18n::spoken([query.lang.as_deref()], &headers);
            let text = field_errors::problem(&why).map(|problem| words.problem(&problem));
            Err(AppError::NotAccepted(text.unwrap_or_default()))
        }
    }
}

/// Confirms.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let evidence = evidence(peer, &headers, None);
    let state = confirm::confirm(&site.signup, &token, ConfirmedBy::Button, &evidence).await?;
    Ok(show(&token, state, &query, &headers))
}

fn show(token: &str, state: Confirmation, query: &AskedLanguage, headers: &HeaderMap) -> Response {
    match state {
        Confirmation::Unknown => AppError::BrokenConfirmLink.into_response(),
        Confirmation::Expired { newsletter, language } => {
            let (language, words) = query.spoken(language.as_deref(), &newsletter, headers);
            let say = &words.confirm;
            page(
                StatusCode::GONE,
                (&newsletter, language),
                &say.expired,
                &html! {
                    p { (say.why_expired) }
                    form.signup method="post" action={ "/confirm/" (token) "/renew" } {
                        button type="submit" { (say.renew) }
                    }
                },
            )
        }
        Confirmation::Ready { newsletter, language, titles, address } => {
            let (language, words) = query.spoken(language.as_deref(), &newsletter, headers);
            let say = &words.confirm;
            let (before, after) = around(&say.one_click, "address");
            page(
                StatusCode::OK,
                (&newsletter, language),
                &fill(&say.ready, &[("newsletter", &titles)]),
                &html! {
                    p { (before) strong { (address) } (after) }
                    // No action: the form posts to the page's own address, token included.
                    form.signup method="post" { button type="submit" { (say.button) } }
                    p.fine-print { (say.not_you) }
                },
            )
        }
        Confirmation::Confirmed { newsletter, language, titles } => {
            let (language, words) = query.spoken(language.as_deref(), &newsletter, headers);
            let say = &words.confirm;
            page(
                StatusCode::OK,
                (&newsletter, language),
                &say.done,
                &html! {
                    p { (fill(&say.next, &[("newsletter", &titles)])) }
                    p { a href="/issues" { (say.until_then) } }
                },
            )
        }
    }
}

fn page(
    status: StatusCode,
    (newsletter, language): (&NewsletterRecord, &str),
    title: &str,
    content: &Markup,
) -> Response {
    let content = html! { h1 { (title) } (content) };
    respond_for(Place::Window, status, &newsletter.newsletter, (title, language), &content)
}
