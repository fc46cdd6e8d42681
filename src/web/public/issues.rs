//! `/issues`: the archive.

use crate::{
    db::{
        issues::{
            self,
            variants::{self, PublicIssue},
        },
        newsletters::{self, NewsletterRecord},
    },
    domain::{
        issue::status::IssueStatus,
        newsletter::{Archive, Newsletter},
    },
    i18n::{self, Locale, interpolate},
    web::{
        AppError, Site,
        layout::{DisplayMode, PageInfo, PageMetadata, newsletter_page_response, public_page},
    },
};
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use jiff::civil::Date;
use maud::{Markup, html};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// Issues per page of the list.
const PAGE_SIZE: i64 = 30;
/// Issues of each newsletter on the page of all newsletters.
const FEW: i64 = 5;

#[derive(Debug, serde::Deserialize)]
pub struct ListQuery {
    newsletter: Option<String>,
    /// Shows issues before this date only.
    before: Option<Date>,
    lang: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
pub struct ShowQuery {
    newsletter: Option<String>,
    /// Number of the variant, from 1.
    variant: Option<i64>,
}

/// Lists sent issues, latest first: those of one newsletter, or a few of each if there are several.
pub async fn list(
    State(site): State<Site>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let locale =
        |it: &Newsletter| i18n::negotiate_locale([query.lang.as_deref(), Some(&it.language)], &headers);
    let listed = newsletters_with_archive(&site).await?;
    match query.newsletter.as_deref() {
        None => match listed.as_slice() {
            [] => {
                let newsletter = site.newsletter(None).await?.newsletter;
                Ok(no_archive_page(&newsletter, locale(&newsletter)))
            }
            [it] => newsletter_archive(&site, it, query.before, locale(&it.newsletter)).await,
            [first, ..] => all_archives(&site, &listed, locale(&first.newsletter)).await,
        },
        Some(slug) => match listed.iter().find(|it| it.newsletter.slug == slug) {
            Some(it) => newsletter_archive(&site, it, query.before, locale(&it.newsletter)).await,
            None => Err(AppError::NoIssuesOf(slug.to_owned())),
        },
    }
}

/// Returns the newsletters with a public archive.
pub async fn newsletters_with_archive(site: &Site) -> Result<Vec<NewsletterRecord>, AppError> {
    let mut all = newsletters::list_with_removed(&mut site.actions.db.read().await?).await?;
    all.retain(|it| it.newsletter.archive == Archive::Public);
    Ok(all)
}

/// Returns the path of an issue's page.
pub fn issue_path(newsletter: &Newsletter, issue: &PublicIssue) -> String {
    format!("/issues/{}?newsletter={}", issue.issue_date, newsletter.slug)
}

async fn newsletter_archive(
    site: &Site,
    newsletter: &NewsletterRecord,
    before: Option<Date>,
    locale: Locale,
) -> Result<Response, AppError> {
    let mut tx = site.actions.db.read().await?;
    let page = variants::public_page(&mut tx, newsletter.id, before.unwrap_or(Date::MAX), PAGE_SIZE).await?;
    let (it, t) = (&newsletter.newsletter, &locale.texts.issues);
    let title = interpolate(&t.title_of, &[("newsletter", &it.title)]);
    let older =
        (page.len() == usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX)).then(|| page.last()).flatten();
    let feed = format!("/issues.xml?newsletter={}", it.slug);
    let content = html! {
        h1 { (t.title) }
        (issue_list(it, &page, t))
        @if let Some(last) = older {
            p { a href={ "/issues?newsletter=" (it.slug) "&before=" (last.issue_date) } { (t.older) } }
        }
        p.fine-print { a href=(feed) { (t.feed) } }
    };
    let info = PageInfo { title: &title, brand: (&it.title, &it.tagline), language: locale.language };
    let before = before.map_or_else(String::new, |date| format!("&before={date}"));
    let metadata = PageMetadata {
        address: &format!("{}/issues?newsletter={}{before}", site.public_url, it.slug),
        description: if it.tagline.is_empty() { &title } else { &it.tagline },
        feed: Some(&feed),
    };
    Ok(public_page(info, metadata, &content).into_response())
}

async fn all_archives(
    site: &Site,
    listed: &[NewsletterRecord],
    locale: Locale,
) -> Result<Response, AppError> {
    let mut tx = site.actions.db.read().await?;
    let mut parts = Vec::new();
    for it in listed {
        parts.push((&it.newsletter, variants::public_page(&mut tx, it.id, Date::MAX, FEW).await?));
    }
    let t = &locale.texts.issues;
    let content = html! {
        h1 { (t.title) }
        @for (it, page) in &parts {
            h2 { (it.title) }
            @if !it.tagline.is_empty() { p.hint { (it.tagline) } }
            (issue_list(it, page, t))
            @if !page.is_empty() {
                p {
                    a href={ "/issues?newsletter=" (it.slug) } { (interpolate(&t.all_of, &[("newsletter", &it.title)])) }
                }
            }
        }
        p.fine-print { a href="/issues.xml" { (t.feed_of_all) } }
    };
    let brand = parts.first().map_or("", |(it, _)| &it.title);
    let info = PageInfo { title: &t.title, brand: (brand, ""), language: locale.language };
    let titles: Vec<&str> = parts.iter().map(|(it, _)| it.title.as_str()).collect();
    let metadata = PageMetadata {
        address: &format!("{}/issues", site.public_url),
        description: &interpolate(&t.title_of, &[("newsletter", &titles.join(", "))]),
        feed: Some("/issues.xml"),
    };
    Ok(public_page(info, metadata, &content).into_response())
}

fn no_archive_page(it: &Newsletter, locale: Locale) -> Response {
    let t = &locale.texts.issues;
    let content = html! {
        h1 { (t.title) }
        p { (t.readers_only) " " a href="/" { (t.get_next) } }
    };
    newsletter_page_response(DisplayMode::Window, StatusCode::OK, it, (&t.title, locale.language), &content)
}

fn issue_list(newsletter: &Newsletter, page: &[PublicIssue], t: &i18n::Issues) -> Markup {
    html! {
        @if page.is_empty() {
            p { (t.none_yet) " " a href={ "/?newsletter=" (newsletter.slug) } { (t.get_first) } }
        } @else {
            ul.archive {
                @for issue in page {
                    li {
                        // Subjects may be in another language than the page.
                        a href=(issue_path(newsletter, issue)) lang=(newsletter.language) { (issue.subject) }
                        time datetime=(issue.issue_date) { (long_date(issue, t)) }
                    }
                }
            }
        }
    }
}

/// Shows an issue as it was sent, without readers' own links.
pub async fn show(
    State(site): State<Site>,
    Path(date): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, AppError> {
    let newsletter = site.newsletter(query.newsletter.as_deref()).await?;
    let missing = || AppError::NoIssue(newsletter.newsletter.title.clone());
    let date: Date = date.parse().map_err(|_| missing())?;
    let mut tx = site.actions.db.read().await?;
    let issue = issues::get_by_date(&mut tx, newsletter.id, date).await?.ok_or_else(missing)?;
    let archive = newsletter.newsletter.archive;
    if !is_public(issue.status) || archive == Archive::None {
        return Err(missing());
    }
    let variant =
        variants::get_by_number(&mut tx, issue.id, query.variant.unwrap_or(1)).await?.ok_or_else(missing)?;
    // The page is rendered like an email: inline styles, and pictures from the articles' sites.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src http: https:; base-uri 'none'; \
                  form-action 'none'; frame-ancestors 'none'";
    let mut response = ([(header::CONTENT_SECURITY_POLICY, policy)], Html(variant.web_html)).into_response();
    if archive != Archive::Public {
        // The stored page can't say this, because the archive setting may change later.
        response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
    }
    Ok(response)
}

fn long_date(issue: &PublicIssue, t: &i18n::Issues) -> String {
    t.long_date(issue.issue_date.0)
}

const fn is_public(status: IssueStatus) -> bool {
    matches!(status, IssueStatus::Sending | IssueStatus::Sent | IssueStatus::Paused | IssueStatus::Held)
}
