//! `/confirm/{token}`: GET shows a button and changes nothing, because mail scanners follow links; POST
//! confirms. In the browser that signed up, GET confirms at once. `/confirm/{token}/renew`: POST sends a new
//! link for one that has expired.

use crate::{
    actions::signup::{
        confirm::{self, ConfirmationLink, ConfirmedBy},
        request::SubscribeError,
    },
    db::newsletters::NewsletterRecord,
    i18n::{self, interpolate, split_at},
    web::{
        AppError, Site,
        layout::{DisplayMode, newsletter_page_response},
        negotiate::{BROWSER_COOKIE, LanguageQuery, cookie, evidence, is_visit},
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

/// Shows the button, or confirms at once in the browser that signed up.
pub async fn get(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let mut link = confirm::inspect_link(&site.signup, &token).await?;
    if let ConfirmationLink::Ready { address, .. } = &link
        && method == Method::GET
        && is_visit(&headers)
        && cookie(&headers, BROWSER_COOKIE)
            .is_some_and(|mark| confirm::signed_up_in_this_browser(&site.signup, mark, address))
    {
        let evidence = evidence(peer, &headers, None);
        link = confirm::confirm(&site.signup, &token, ConfirmedBy::SameBrowser, &evidence).await?;
    }
    Ok(page_for(&token, link, &query, &headers))
}

/// Sends a new link.
pub async fn renew(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    match confirm::renew(&site.signup, &token, &evidence(peer, &headers, None)).await {
        Ok(Some((newsletter, language))) => {
            let locale = query.locale(language.as_deref(), &newsletter, &headers);
            let title = &newsletter.newsletter.title;
            Ok(subscribe::accepted(DisplayMode::Window, &newsletter, title, locale))
        }
        Ok(None) => {
            Ok(page_for(&token, confirm::inspect_link(&site.signup, &token).await?, &query, &headers))
        }
        Err(SubscribeError::TooMany { wait }) => Ok(AppError::TooMany(wait).into_response()),
        Err(SubscribeError::NoSuchNewsletter(slug)) => Err(AppError::NoNewsletter(slug)),
        Err(SubscribeError::Db(error)) => Err(error.into()),
        Err(error) => {
            let texts = i18n::negotiate_locale([query.lang.as_deref()], &headers).texts;
            let text = field_errors::problem(&error).map(|problem| texts.problem(&problem));
            Err(AppError::NotAccepted(text.unwrap_or_default()))
        }
    }
}

/// Confirms the subscriptions of a link.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let evidence = evidence(peer, &headers, None);
    let link = confirm::confirm(&site.signup, &token, ConfirmedBy::Button, &evidence).await?;
    Ok(page_for(&token, link, &query, &headers))
}

fn page_for(token: &str, link: ConfirmationLink, query: &LanguageQuery, headers: &HeaderMap) -> Response {
    match link {
        ConfirmationLink::Unknown => AppError::BrokenConfirmLink.into_response(),
        ConfirmationLink::Expired { newsletter, language } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.confirm;
            page(
                StatusCode::GONE,
                (&newsletter, locale.language),
                &t.expired,
                &html! {
                    p { (t.why_expired) }
                    form.signup method="post" action={ "/confirm/" (token) "/renew" } {
                        button type="submit" { (t.renew) }
                    }
                },
            )
        }
        ConfirmationLink::Ready { newsletter, language, titles, address } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.confirm;
            let (before, after) = split_at(&t.one_click, "address");
            page(
                StatusCode::OK,
                (&newsletter, locale.language),
                &interpolate(&t.ready, &[("newsletter", &titles)]),
                &html! {
                    p { (before) strong { (address) } (after) }
                    // Without an action the form posts to the page's own URL.
                    form.signup method="post" { button type="submit" { (t.button) } }
                    p.fine-print { (t.not_you) }
                },
            )
        }
        ConfirmationLink::Confirmed { newsletter, language, titles } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.confirm;
            page(
                StatusCode::OK,
                (&newsletter, locale.language),
                &t.done,
                &html! {
                    p { (interpolate(&t.next_issue, &[("newsletter", &titles)])) }
                    p { a href="/issues" { (t.read_past_issues) } }
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
    newsletter_page_response(DisplayMode::Window, status, &newsletter.newsletter, (title, language), &content)
}
