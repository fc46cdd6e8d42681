//! `/data-export/{token}`: the reader's data. GET shows a button, because mail scanners follow links; POST
//! downloads the file.

use crate::{
    actions::privacy::data_export::{self, ExportLink},
    db::newsletters::NewsletterRecord,
    i18n::{self, Locale, interpolate},
    web::{
        AppError, Site,
        layout::{Page, PageKind, sheet},
        negotiate::LanguageQuery,
    },
};
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

/// Shows the button.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(page_for(data_export::inspect_link(&site.subscription, &token).await?, &query, &headers))
}

/// Downloads the file.
pub async fn post(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(match data_export::read(&site.subscription, &token).await? {
        Ok(export) => {
            let kind = (header::CONTENT_TYPE, "application/json");
            let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"data-export.json\"");
            ([kind, name], export.to_json()?).into_response()
        }
        Err(link) => page_for(link, &query, &headers),
    })
}

fn page_for(link: ExportLink, query: &LanguageQuery, headers: &HeaderMap) -> Response {
    match link {
        ExportLink::Unknown => {
            let locale = i18n::negotiate_locale([query.lang.as_deref()], headers);
            AppError::BrokenLink.in_language(locale.language)
        }
        ExportLink::Expired { newsletter, language } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.data_export;
            let content = html! { p { (t.expired_hint) } };
            newsletter_page(&newsletter, locale, StatusCode::GONE, &t.expired, &content)
        }
        ExportLink::Ready { newsletter, language, address } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.data_export;
            let content = html! {
                p { (interpolate(&t.download_hint, &[("address", address.as_str())])) }
                form.actions method="post" { button type="submit" { (t.button) } }
            };
            newsletter_page(&newsletter, locale, StatusCode::OK, &t.title, &content)
        }
    }
}

/// Makes a page of the newsletter with a headline.
pub(super) fn newsletter_page(
    newsletter: &NewsletterRecord,
    locale: Locale,
    status: StatusCode,
    title: &str,
    content: &Markup,
) -> Response {
    let page = Page { kind: PageKind::Subscriber, ..Page::new(&newsletter.newsletter, title, locale) };
    page.respond(status, &sheet(&html! { h1 { (title) } (content) }))
}
