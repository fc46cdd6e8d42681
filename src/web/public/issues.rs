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
    i18n::{self, Spoken, fill},
    web::{
        AppError, Site,
        layout::{Frame, Place, Public, public_page, respond_for},
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
/// Issues on a page of the list.
const PAGE: i64 = 30;
/// Issues of each newsletter on the page of all newsletters.
const FEW: i64 = 5;

/// What is asked for.
#[derive(Debug, serde::Deserialize)]
pub struct ListQuery {
    newsletter: Option<String>,
    before: Option<Date>,
    /// The language of the page.
    lang: Option<String>,
}

/// What is asked for.
#[derive(Debug, serde::Deserialize)]
pub struct ShowQuery {
    newsletter: Option<String>,
    /// What some readers got instead of the most usual; from 1.
    variant: Option<i64>,
}

/// Issues that went out, latest first: of one newsletter, or a few of each where there are several.
pub async fn list(
    State(site): State<Site>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let choose = |it: &Newsletter| i18n::choose(query.lang.as_deref(), &it.language, &headers);
    let listed = listed(&site).await?;
    match query.newsletter.as_deref() {
        None => match listed.as_slice() {
            [] => {
                let newsletter = site.newsletter(None).await?.newsletter;
                Ok(of_none(&newsletter, choose(&newsletter)))
            }
            [it] => of_one(&site, it, query.before, choose(&it.newsletter)).await,
            [first, ..] => of_all(&site, &listed, choose(&first.newsletter)).await,
        },
        Some(slug) => match listed.iter().find(|it| it.newsletter.slug == slug) {
            Some(it) => of_one(&site, it, query.before, choose(&it.newsletter)).await,
            None => Err(AppError::NoIssuesOf(slug.to_owned())),
        },
    }
}

/// The newsletters whose past issues everybody may find. There are a handful.
pub async fn listed(site: &Site) -> Result<Vec<NewsletterRecord>, AppError> {
    let mut all = newsletters::list(&mut site.actions.db.read().await?).await?;
    all.retain(|it| it.newsletter.archive == Archive::Public);
    Ok(all)
}

/// Where an issue is read.
pub fn issue_path(newsletter: &Newsletter, issue: &PublicIssue) -> String {
    format!("/issues/{}?newsletter={}", issue.issue_date, newsletter.slug)
}

async fn of_one(
    site: &Site,
    newsletter: &NewsletterRecord,
    before: Option<Date>,
    (language, words): Spoken,
) -> Result<Response, AppError> {
    let mut tx = site.actions.db.read().await?;
    let page = variants::public_page(&mut tx, newsletter.id, before.unwrap_or(Date::MAX), PAGE).await?;
    let (it, say) = (&newsletter.newsletter, &words.issues);
    let title = fill(&say.title_of, &[("newsletter", &it.title)]);
    let older = (page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX)).then(|| page.last()).flatten();
    let feed = format!("/issues.xml?newsletter={}", it.slug);
    let content = html! {
        h1 { (say.title) }
        (issue_list(it, &page, say))
        @if let Some(last) = older {
            p { a href={ "/issues?newsletter=" (it.slug) "&before=" (last.issue_date) } { (say.older) } }
        }
        p.fine-print { a href=(feed) { (say.feed) } }
    };
    let frame = Frame { title: &title, brand: (&it.title, &it.tagline), language };
    let before = before.map_or_else(String::new, |date| format!("&before={date}"));
    let public = Public {
        address: &format!("{}/issues?newsletter={}{before}", site.public_url, it.slug),
        description: if it.tagline.is_empty() { &title } else { &it.tagline },
        feed: Some(&feed),
    };
    Ok(public_page(frame, public, &content).into_response())
}

async fn of_all(
    site: &Site,
    listed: &[NewsletterRecord],
    (language, words): Spoken,
) -> Result<Response, AppError> {
    let mut tx = site.actions.db.read().await?;
    let mut parts = Vec::new();
    for it in listed {
        parts.push((&it.newsletter, variants::public_page(&mut tx, it.id, Date::MAX, FEW).await?));
    }
    let say = &words.issues;
    let content = html! {
        h1 { (say.title) }
        @for (it, page) in &parts {
            h2 { (it.title) }
            @if !it.tagline.is_empty() { p.hint { (it.tagline) } }
            (issue_list(it, page, say))
            @if !page.is_empty() {
                p {
                    a href={ "/issues?newsletter=" (it.slug) } { (fill(&say.all_of, &[("newsletter", &it.title)])) }
                }
            }
        }
        p.fine-print { a href="/issues.xml" { (say.feed_of_all) } }
    };
    let brand = parts.first().map_or("", |(it, _)| &it.title);
    let frame = Frame { title: &say.title, brand: (brand, ""), language };
    let titles: Vec<&str> = parts.iter().map(|(it, _)| it.title.as_str()).collect();
    let public = Public {
        address: &format!("{}/issues", site.public_url),
        description: &fill(&say.title_of, &[("newsletter", &titles.join(", "))]),
        feed: Some("/issues.xml"),
    };
    Ok(public_page(frame, public, &content).into_response())
}

fn of_none(it: &Newsletter, (language, words): Spoken) -> Response {
    let say = &words.issues;
    let content = html! {
        h1 { (say.title) }
        p { (say.readers_only) " " a href="/" { (say.get_next) } }
    };
    respond_for(Place::Window, StatusCode::OK, it, (&say.title, language), &content)
}

fn issue_list(newsletter: &Newsletter, page: &[PublicIssue], say: &i18n::Issues) -> Markup {
    html! {
        @if page.is_empty() {
            p { (say.none_yet) " " a href={ "/?newsletter=" (newsletter.slug) } { (say.get_first) } }
        } @else {
            ul.archive {
                @for issue in page {
                    li {
                        // What the page says may be in another language than what it tells of.
                        a href=(issue_path(newsletter, issue)) lang=(newsletter.language) { (issue.subject) }
                        time datetime=(issue.issue_date) { (long_date(issue, say)) }
                    }
                }
            }
        }
    }
}

/// One issue as it was sent, without readers' own links.
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
    // The page is a mail: its style is inline and its pictures are where the articles are.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src http: https:; base-uri 'none'; \
                  form-action 'none'; frame-ancestors 'none'";
    let mut response = ([(header::CONTENT_SECURITY_POLICY, policy)], Html(variant.web_html)).into_response();
    if archive != Archive::Public {
        // The page was rendered for good; who may find it can change.
        response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
    }
    Ok(response)
}

fn long_date(issue: &PublicIssue, say: &i18n::Issues) -> String {
    say.long_date(issue.issue_date.0)
}

const fn is_public(status: IssueStatus) -> bool {
    matches!(status, IssueStatus::Sending | IssueStatus::Sent | IssueStatus::Paused | IssueStatus::Held)
}
