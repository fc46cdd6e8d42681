//! `/confirm/{token}`: GET shows a button and changes nothing, because mail scanners follow links; POST
//! confirms. In the browser that signed up, GET confirms at once. `/confirm/{token}/renew`: POST sends a new
//! link for one that has expired.

use crate::{
    actions::{
        signup::{
            confirm::{self, ConfirmationLink, ConfirmedBy},
            request::SubscribeError,
        },
        subscription::set_preferences::{self, PreferencesLink},
    },
    db::newsletters::NewsletterRecord,
    domain::{
        content::article::title_key, ids::SubscriptionId, issue::schedule, newsletter::Archive,
        token::Purpose,
    },
    i18n::{self, Locale, interpolate, split_at},
    web::{
        AppError, Site,
        layout::{Page, PageKind, sheet},
        negotiate::{BROWSER_COOKIE, LanguageQuery, cookie, evidence, is_visit},
        public::{field_errors, latest::LatestIssue},
    },
};
use axum::{
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use email_templates::dates::single_full_stops;
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
    page_for(&site, &token, link, &query, &headers).await
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
            let t = &locale.texts.signup;
            let sender = newsletter.newsletter.sender_address.as_str();
            let content = html! {
                h1 { (t.check) }
                p.lede { (t.accepted) }
                p { b { (t.missing) } " " (interpolate(&t.spam, &[("sender", sender)])) }
            };
            Ok(page(StatusCode::OK, &newsletter, locale, &t.check, &content))
        }
        Ok(None) => {
            let link = confirm::inspect_link(&site.signup, &token).await?;
            page_for(&site, &token, link, &query, &headers).await
        }
        Err(SubscribeError::TooMany { wait }) => Ok(AppError::TooMany(wait).into_response()),
        Err(SubscribeError::NoSuchNewsletter) => Err(AppError::NoNewsletter),
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
    page_for(&site, &token, link, &query, &headers).await
}

async fn page_for(
    site: &Site,
    token: &str,
    link: ConfirmationLink,
    query: &LanguageQuery,
    headers: &HeaderMap,
) -> Result<Response, AppError> {
    Ok(match link {
        ConfirmationLink::Unknown => AppError::BrokenConfirmLink.into_response(),
        ConfirmationLink::Expired { newsletter, language } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.confirm;
            let content = html! {
                h1 { (t.expired) }
                p { (t.why_expired) }
                form.actions method="post" action={ "/confirm/" (token) "/renew" } {
                    button type="submit" { (t.renew) }
                }
            };
            page(StatusCode::GONE, &newsletter, locale, &t.expired, &content)
        }
        ConfirmationLink::Ready { newsletter, language, titles, address } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.confirm;
            let is_single = titles == newsletter.newsletter.title;
            let text = if is_single { &t.ready_hint } else { &t.ready_several };
            let (before, after) = split_at(text, "address");
            let frequency = locale.frequency(&newsletter.newsletter);
            let filled = |text: &str| {
                let values = [("newsletter", titles.as_str()), ("frequency", &frequency)];
                single_full_stops(&interpolate(text, &values))
            };
            let content = html! {
                h1 { (t.ready) }
                p.lede { (filled(before)) b { (address) } (filled(after)) }
                // Without an action the form posts to the page's own URL.
                form.actions method="post" { button.big type="submit" { (t.button) } }
                p.fine-print { (t.not_you) }
            };
            page(StatusCode::OK, &newsletter, locale, &t.ready, &content)
        }
        ConfirmationLink::Confirmed { newsletter, language, titles, subscription } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            welcome(site, &newsletter, locale, &titles, subscription).await?
        }
    })
}

/// Makes the page after confirming: when the first issue comes, topics to pick, and the latest issue.
async fn welcome(
    site: &Site,
    newsletter: &NewsletterRecord,
    locale: Locale,
    titles: &str,
    subscription: SubscriptionId,
) -> Result<Response, AppError> {
    let (it, t) = (&newsletter.newsletter, &locale.texts.confirm);
    let token = site.subscription.keys.sign(Purpose::Unsubscribe, subscription.0);
    let preferences = format!("/preferences/{token}");
    let now = site.subscription.clock.now();
    let arrival = if titles == it.title {
        let (date, _) = schedule::next_slot(it, now);
        let day = locale.coming_at(date, schedule::date_at(it, now), it);
        single_full_stops(&interpolate(&t.first_issue, &[("day", &day)]))
    } else {
        interpolate(&t.next_issue, &[("newsletter", titles)])
    };
    let link = set_preferences::inspect_link(&site.subscription, &token).await?;
    let sections = match &link {
        PreferencesLink::Subscribed(reader) => reader.sections.as_slice(),
        _ => &[],
    };
    let latest = LatestIssue::find(site, newsletter).await?;
    let content = html! {
        div.columns."columns--side"[latest.is_some()] {
            div.stack {
                section { h1 { (t.done) } p.lede { (arrival) } }
                @if sections.is_empty() {
                    p { a href=(preferences) { (t.manage) } }
                } @else {
                    form.card method="post" action={ (preferences) "?lang=" (locale.language) } {
                        fieldset {
                            legend { h2 { (t.topics) } }
                            p.hint { (locale.texts.preferences.topics_hint) }
                            input type="hidden" name="sections" value="";
                            div.topics lang=(it.language) {
                                @for name in sections {
                                    label.choice { input type="checkbox" name="sections" value=(title_key(name)); span { (name) } }
                                }
                            }
                        }
                        p.actions { button type="submit" name="do" value="sections" { (t.save_topics) } }
                    }
                }
                p.note { b { (t.contacts) } " " (contacts_hint(&t.contacts_hint, it.sender_address.as_str())) }
                @if latest.is_none() && it.archive != Archive::None { p { a href="/issues" { (t.read_past_issues) } } }
            }
            @if let Some(latest) = &latest { (latest.card(it, locale, true)) }
        }
    };
    let pictures: Vec<&str> = latest.as_ref().and_then(LatestIssue::picture).into_iter().collect();
    let page = Page { kind: PageKind::Subscriber, pictures: &pictures, ..Page::new(it, &t.done, locale) };
    Ok(page.respond(StatusCode::OK, &content))
}

fn contacts_hint(text: &str, sender: &str) -> Markup {
    let (before, after) = split_at(text, "sender");
    html! { (before) a href={ "mailto:" (sender) } { (sender) } (after) }
}

fn page(
    status: StatusCode,
    newsletter: &NewsletterRecord,
    locale: Locale,
    title: &str,
    content: &Markup,
) -> Response {
    Page::new(&newsletter.newsletter, title, locale).respond(status, &sheet(content))
}
