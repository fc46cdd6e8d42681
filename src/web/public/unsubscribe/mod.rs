//! `/unsubscribe/{token}`: GET shows a button and changes nothing. POST, from the button or from a mail
//! program (RFC 8058), unsubscribes at once, without cookie, login or redirect. A reader who has unsubscribed
//! may give a reason with another POST, or take it back within the hour. The page also offers an issue a week,
//! or a break.

mod fields;
mod page;

use crate::{
    actions::subscription::{
        pause_subscription::pause_subscription,
        set_preferences::set_preferences,
        undo_unsubscribe::undo_unsubscribe,
        unsubscribe::{self, UnsubscribeLink},
    },
    db::subscribers::Evidence,
    domain::{
        actor::Actor,
        issue::schedule,
        subscriber::{cadence::Cadence, pause, preferences::Preferences},
        validation::rules::PauseBounds,
    },
    i18n::interpolate,
    web::{
        AppError, Site,
        layout::PageKind,
        negotiate::{LanguageQuery, evidence},
        public::unsubscribe::{
            fields::Alternative,
            page::{page, page_for, page_with, with_newsletter},
        },
    },
};
use axum::{
    body::Bytes,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use maud::html;
use std::net::SocketAddr;

pub use fields::UnsubscribeFields;

/// Shows the button.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let link = unsubscribe::inspect_link(&site.subscription, &token).await?;
    Ok(page_for(&site, &token, link, &query, &headers))
}

/// Unsubscribes, or records the reason.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, AppError> {
    let fields = UnsubscribeFields::read(&headers, body).await;
    if let Some(reason) = fields.reason() {
        let remark = fields.remark();
        let link = unsubscribe::give_reason(&site.subscription, &token, reason, remark).await?;
        return Ok(page_for(&site, &token, link, &query, &headers));
    }
    let evidence = evidence(peer, &headers, None);
    if fields.has_alternative() {
        if let Some(response) = choose(&site, &token, &fields, &evidence, &query, &headers).await? {
            return Ok(response);
        }
        let link = unsubscribe::inspect_link(&site.subscription, &token).await?;
        return Ok(page_for(&site, &token, link, &query, &headers));
    }
    let method = if fields.is_one_click() { "one_click" } else { "link" };
    let link = unsubscribe::unsubscribe(&site.subscription, &token, method, &evidence).await?;
    if fields.is_one_click() {
        return Ok(match link {
            UnsubscribeLink::Unknown => (StatusCode::NOT_FOUND, "unknown link\n").into_response(),
            _ => "unsubscribed\n".into_response(),
        });
    }
    // Reads the state again, to know whether the reader may take it back.
    let link = match link {
        UnsubscribeLink::Unsubscribed { .. } => unsubscribe::inspect_link(&site.subscription, &token).await?,
        other => other,
    };
    Ok(page_for(&site, &token, link, &query, &headers))
}

/// Carries out an alternative and shows the result. `None`: the link's page shows the current state.
async fn choose(
    site: &Site,
    token: &str,
    fields: &UnsubscribeFields,
    evidence: &Evidence,
    query: &LanguageQuery,
    headers: &HeaderMap,
) -> Result<Option<Response>, AppError> {
    if fields.is_undo() && !undo_unsubscribe(&site.subscription, token, evidence).await? {
        return Ok(None);
    }
    let link = unsubscribe::inspect_link(&site.subscription, token).await?;
    let UnsubscribeLink::Subscribed { newsletter, language, subscription, preferences, .. } = &link else {
        return Ok(None);
    };
    let locale = query.locale(language.as_deref(), newsletter, headers);
    let (t, it) = (&locale.texts.unsubscribe, &newsletter.newsletter);
    let now = site.subscription.clock.now();
    let today = schedule::date_at(it, now);
    let (first, last) = pause::bounds(pause::effective_zone(it, preferences.time_zone.as_ref()), now);
    let alternative = match fields.alternative(&PauseBounds(first, last)) {
        Ok(alternative) => alternative,
        Err(problems) => {
            return Ok(Some(page_with(site, token, link, (query, headers), Some(&problems))));
        }
    };
    let (title, text) = match alternative {
        Alternative::Undo => (t.undone.clone(), with_newsletter(&t.undone_hint, newsletter)),
        Alternative::Weekly => {
            let weekly = Preferences { cadence: Cadence::Weekly, ..preferences.clone() };
            if !set_preferences(&site.actions, &Actor::Reader, *subscription, &weekly).await? {
                return Ok(None);
            }
            let next = schedule::next_date_for(it, Cadence::Weekly, today);
            let text =
                interpolate(&locale.texts.preferences.next_issue, &[("day", &locale.coming(next, today))]);
            (t.less_done.clone(), text)
        }
        Alternative::Pause(until) => {
            if !pause_subscription(&site.actions, *subscription, until).await? {
                return Ok(None);
            }
            let p = &locale.texts.preferences;
            let title = interpolate(&p.paused_until, &[("date", &locale.dates.date(until))]);
            (title.trim_end_matches('.').to_owned(), with_newsletter(&p.paused_hint, newsletter))
        }
    };
    let content = html! {
        h1 { (title) }
        p.lede role="status" { (text) }
        p { a href={ "/preferences/" (token) } { (t.preferences) } }
    };
    Ok(Some(page(newsletter, locale, &title, PageKind::Subscriber, &content)))
}
