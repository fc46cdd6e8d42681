//! `/issues`: the archive.

use crate::{
    db::{issues, variants},
    domain::issue::IssueStatus,
    web::{
        Site, WebError,
        layout::{Frame, respond},
    },
};
use axum::{
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use jiff::civil::Date;
use maud::html;

/// Issues on a page of the list.
const PAGE: i64 = 30;

/// What is asked for.
#[derive(Debug, serde::Deserialize)]
pub struct ListQuery {
    newsletter: Option<String>,
    before: Option<Date>,
}

/// What is asked for.
#[derive(Debug, serde::Deserialize)]
pub struct ShowQuery {
    newsletter: Option<String>,
    /// What some readers got instead of the most usual; from 1.
    variant: Option<i64>,
}

/// Issues that went out, latest first.
pub async fn list(State(site): State<Site>, Query(query): Query<ListQuery>) -> Result<Response, WebError> {
    let newsletter = site.newsletter(query.newsletter.as_deref()).await?;
    let mut tx = site.actions.db.read().await?;
    let page = variants::public_page(&mut tx, newsletter.id, query.before.unwrap_or(Date::MAX), PAGE).await?;
    let it = &newsletter.newsletter;
    let frame = Frame {
        title: &format!("Past issues of {}", it.title),
        brand: (&it.title, &it.tagline),
        language: &it.language,
    };
    let older = (page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX)).then(|| page.last()).flatten();
    let content = html! {
        h1 { "Past issues" }
        @if page.is_empty() {
            p { "There is none yet. " a href="/" { "Sign up" } " and get the first one." }
        }
        ul.archive {
            @for issue in &page {
                li {
                    a href={ "/issues/" (issue.issue_date) "?newsletter=" (it.slug) } {
                        (issue.subject)
                    }
                    time datetime=(issue.issue_date) { (long_date(&issue.issue_date)) }
                }
            }
        }
        @if let Some(last) = older {
            p { a href={ "/issues?newsletter=" (it.slug) "&before=" (last.issue_date) } { "Older issues" } }
        }
    };
    Ok(respond(StatusCode::OK, frame, &content))
}

/// One issue as it was sent, without readers' own links.
pub async fn show(
    State(site): State<Site>,
    Path(date): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, WebError> {
    let newsletter = site.newsletter(query.newsletter.as_deref()).await?;
    let missing =
        || WebError::NotFound(format!("{} has no issue of this date.", newsletter.newsletter.title));
    let date: Date = date.parse().map_err(|_| missing())?;
    let mut tx = site.actions.db.read().await?;
    let issue = issues::by_date(&mut tx, newsletter.id, date).await?.ok_or_else(missing)?;
    if !is_public(issue.status) {
        return Err(missing());
    }
    let variant =
        variants::by_number(&mut tx, issue.id, query.variant.unwrap_or(1)).await?.ok_or_else(missing)?;
    // The page is a mail: its style is inline and its pictures are where the articles are.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src http: https:; base-uri 'none'; \
                  form-action 'none'; frame-ancestors 'none'";
    Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(variant.web_html)).into_response())
}

/// `23 November 2026`.
fn long_date(date: &str) -> String {
    date.parse::<Date>().map_or_else(|_| date.to_owned(), |date| date.strftime("%-d %B %Y").to_string())
}

const fn is_public(status: IssueStatus) -> bool {
    matches!(status, IssueStatus::Sending | IssueStatus::Sent | IssueStatus::Paused | IssueStatus::Held)
}
