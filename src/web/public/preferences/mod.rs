//! `/preferences/{token}`: a reader's preferences, a break from the newsletter, the other newsletters, and
//! the reader's own data. GET shows them; POST carries out the request of one card, without cookie, login or
//! script, and leaves the inputs of the other cards as typed.
//! The token is that of the unsubscribe link. Links in the emails that the page sends lead to `data_export`
//! and `address_change`.

mod account;
pub mod address_change;
mod card;
mod carry_out;
mod choices;
pub mod data_export;
pub mod form;
mod newsletters;
mod notice;
mod page;
mod pause;
mod view;

use crate::{
    actions::subscription::set_preferences::{self, PreferencesLink, ReaderPreferences},
    i18n::{Locale, interpolate, negotiate_locale},
    web::{
        AppError, Site,
        negotiate::{LanguageQuery, evidence},
        public::preferences::{
            carry_out::{carry_out, request_data_export},
            form::{PreferencesFields, PreferencesRequest},
            notice::Notice,
            page::{closed_page, preferences_page, unsubscribed_page},
            view::PageView,
        },
        submission::Submitted,
    },
};
use axum::{
    extract::{ConnectInfo, Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use std::net::SocketAddr;

/// Shows the page.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let link = set_preferences::inspect_link(&site.subscription, &token).await?;
    let locale = link_locale(&query, &link, &headers);
    Ok(match link {
        PreferencesLink::Subscribed(reader) => {
            preferences_page(&view(&site, &reader, &token, locale, query.lang.is_some()))
        }
        other => closed_page(locale, &other, &Notice::None),
    })
}

/// Carries out a form's request and shows the page.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
    submitted: Result<Submitted<PreferencesFields>, AppError>,
) -> Result<Response, AppError> {
    let link = set_preferences::inspect_link(&site.subscription, &token).await?;
    let locale = link_locale(&query, &link, &headers);
    let has_language_query = query.lang.is_some();
    let is_known = matches!(link, PreferencesLink::Subscribed(_) | PreferencesLink::Unsubscribed(_));
    let fields = match submitted {
        _ if !is_known => PreferencesFields::default(),
        Ok(Submitted { fields, json: false }) => fields,
        Ok(_) | Err(AppError::UnknownBody) => return Ok(AppError::NoForm.in_language(locale.language)),
        Err(error) => return Ok(error.in_language(locale.language)),
    };
    let mut reader = match link {
        PreferencesLink::Subscribed(reader) => reader,
        PreferencesLink::Unsubscribed(reader) => {
            // A data export is the only request open to a reader who has unsubscribed.
            let notice = if fields.is_for_data_export() {
                request_data_export(&site, reader.subscription, locale).await?
            } else {
                None
            };
            return Ok(unsubscribed_page(
                locale,
                &reader.newsletter,
                reader.is_undeliverable,
                &notice.unwrap_or(Notice::None),
            ));
        }
        other => return Ok(closed_page(locale, &other, &Notice::None)),
    };
    let card = fields.card();
    let request = match fields.checked(&reader, site.subscription.clock.now()) {
        Ok(request) => request,
        Err(problems) => {
            // The card with the problem shows it beside the field. Buttons have no field.
            let of_button = ["do", "join", "leave"].into_iter().flat_map(|field| problems.of(field));
            let texts: Vec<String> = of_button.map(|it| locale.texts.problem(it)).collect();
            let told = if texts.is_empty() { locale.texts.errors.invalid.clone() } else { texts.join(" ") };
            let notice = Notice::Problem(told);
            let page = view(&site, &reader, &token, locale, has_language_query);
            return Ok(preferences_page(&PageView {
                problems: Some(&problems),
                typed: Some(&fields),
                notice: (&notice, card),
                ..page
            }));
        }
    };
    let evidence = evidence(peer, &headers, None);
    let changes_others =
        matches!(request, PreferencesRequest::Subscribe(_) | PreferencesRequest::Unsubscribe(_));
    // A language chosen in this form applies to the response and to the page's links.
    let (locale, has_language_query) = match &request {
        PreferencesRequest::Save { language: Some(language), .. } => {
            let newsletter = &reader.newsletter.newsletter.language;
            (negotiate_locale([Some(*language), Some(newsletter)], &headers), false)
        }
        _ => (locale, has_language_query),
    };
    let Some(notice) = carry_out(&site, &mut reader, (request, card), locale, &evidence).await? else {
        return Ok(unsubscribed_page(locale, &reader.newsletter, false, &Notice::None));
    };
    if changes_others {
        match set_preferences::inspect_link(&site.subscription, &token).await? {
            PreferencesLink::Subscribed(updated) => reader = updated,
            other => return Ok(closed_page(locale, &other, &notice)),
        }
    }
    let page = view(&site, &reader, &token, locale, has_language_query);
    Ok(preferences_page(&PageView { typed: Some(&fields), notice: (&notice, card), ..page }))
}

fn view<'a>(
    site: &'a Site,
    reader: &'a ReaderPreferences,
    token: &'a str,
    locale: Locale,
    has_language_query: bool,
) -> PageView<'a> {
    PageView {
        reader,
        token,
        locale,
        problems: None,
        typed: None,
        notice: (&Notice::None, None),
        now: site.subscription.clock.now(),
        has_language_query,
        keys: &site.subscription.keys,
    }
}

/// Chooses the locale of the page: the query comes first, then the reader's language, the newsletter's and
/// the browser's.
fn link_locale(query: &LanguageQuery, link: &PreferencesLink, headers: &HeaderMap) -> Locale {
    let (own, newsletter) = match link {
        PreferencesLink::Subscribed(reader) => (reader.language.as_deref(), Some(&reader.newsletter)),
        PreferencesLink::Unsubscribed(reader) => (reader.language.as_deref(), Some(&*reader.newsletter)),
        PreferencesLink::Unknown | PreferencesLink::Test => (None, None),
    };
    let newsletter = newsletter.map(|it| it.newsletter.language.as_str());
    negotiate_locale([query.lang.as_deref(), own, newsletter], headers)
}

/// Inserts a newsletter's title into a text.
fn with_newsletter(text: &str, title: &str) -> String {
    interpolate(text, &[("newsletter", title)])
}
