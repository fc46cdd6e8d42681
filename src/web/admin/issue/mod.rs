//! An issue: its stories with their reasons, what was left out, and the email beside it.

mod change;
pub mod edit;
pub mod email;
mod left_out;
mod news;
mod stories;

pub use change::{APPROVAL_ENDED, add_by_address, apply, post};
pub use news::{News, news};

use super::{
    desk::{Answer, Desk, Refused},
    layout::{Tab, rev, state},
    verdict::{Outlook, Verdict, of_sent},
    who::changed_by,
    words::{counted, long_day},
};
use crate::{
    actions::issue::{
        decide::shown_forecast,
        send_issue::{BeginError, begin_issue, is_too_far},
    },
    db::{
        DbError, deliveries,
        issues::{self, IssueRecord},
    },
    domain::{issue::status::IssueStatus, operator::role::Permission},
    issues::{forecast::Forecast, next::next_date},
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse as _, Redirect},
};
use jiff::civil::Date;
use maud::html;
use std::collections::HashMap;

/// Opens the next issue.
pub async fn next(desk: Desk) -> Answer {
    let date =
        next_date(&mut desk.db().read().await?, desk.record(), desk.admin.margins.grace, desk.now).await?;
    Ok(Redirect::to(&desk.issue_path(date, "")).into_response())
}

/// Returns the date of a path.
pub fn date_of(path: &HashMap<String, String>) -> Result<Date, Refused> {
    let text = path.get("date").map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| Refused::Missing(format!("“{text}” is not a date.")))
}

/// Forecasts an issue as the operator sees it, and keeps its revision.
pub async fn seen_forecast(desk: &Desk, date: Date) -> Result<Forecast, Refused> {
    require_near(desk, date)?;
    Ok(shown_forecast(desk.admin.actions(), desk.admin.rules, desk.record(), date).await?)
}

/// Refuses dates that can have no issue, because looking at one is recorded.
fn require_near(desk: &Desk, date: Date) -> Result<(), Refused> {
    if is_too_far(desk.newsletter(), date, desk.now) {
        return Err(Refused::Missing(format!("{} is more than a year ahead.", long_day(date))));
    }
    Ok(())
}

/// Refuses dates that have no issue, and get none.
pub fn require_open(desk: &Desk, date: Date) -> Result<(), Refused> {
    if date < desk.today() {
        return Err(Refused::Missing(format!("There was no issue on {}.", long_day(date))));
    }
    require_near(desk, date)
}

/// Begins an issue, or returns the one that was begun.
pub async fn begun(desk: &Desk, date: Date) -> Result<IssueRecord, Refused> {
    begin_issue(desk.admin.actions(), &desk.actor(), desk.record(), date).await.map_err(|error| match error {
        BeginError::Db(error) => Refused::Db(error),
        other => Refused::Failed(format!("{other}.")),
    })
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Shown {
    /// A reason whose left-out articles are all listed.
    reason: Option<String>,
}

pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(query): Query<Shown>,
) -> Answer {
    let date = date_of(&path)?;
    let record = desk.record();
    let mut tx = desk.db().read().await?;
    let issue = issues::get_by_date(&mut tx, record.id, date).await?;
    drop(tx);
    if let Some(issue) = issue.filter(|issue| issue.status != IssueStatus::Planned) {
        return sent(&desk, &issue).await;
    }
    require_open(&desk, date)?;
    let it = seen_forecast(&desk, date).await?;
    let content = stories::page(&desk, &it, query.reason.as_deref()).await?;
    desk.page(Tab::Issue, &format!("Issue of {}", long_day(date)), &content).await
}

/// Returns the verdict about an open issue.
pub async fn outlook(desk: &Desk, it: &Forecast) -> Result<Verdict, DbError> {
    let blockers = desk.admin.checks.blocking(desk.record()).await?;
    let changed = match &it.issue {
        Some(issue) => changed_by(&mut desk.db().read().await?, issue).await?,
        None => None,
    };
    Ok(Outlook {
        newsletter: desk.newsletter(),
        forecast: it,
        today: desk.today(),
        now: desk.now,
        blockers: &blockers,
        changed_by: changed.as_deref(),
        may_send: desk.may(Permission::SendIssue),
    }
    .verdict())
}

/// Shows an issue whose content no longer changes.
async fn sent(desk: &Desk, issue: &IssueRecord) -> Answer {
    let mut tx = desk.db().read().await?;
    let stories = issues::stories(&mut tx, issue.id).await?;
    let counts = deliveries::counts(&mut tx, issue.id).await?;
    drop(tx);
    let verdict = of_sent(issue, &counts, desk.today(), None);
    let content = html! {
        div.opening {
            div { p.over { b { (long_day(issue.date())) } (state(verdict.state, verdict.word))
                    @if let Some(revision) = &issue.approved_revision { " · revision " (rev(revision)) } }
                h1 { (verdict.sentence) }
                p.lede { "Its content no longer changes." } }
            div.acts { a.btn href=(desk.issue_path(issue.date(), "preview")) { "As readers got it" }
                @if issue.status == IssueStatus::Skipped && issue.date() == desk.today() {
                    a.btn.filled href=(desk.issue_path(issue.date(), "send")) { "Send it now …" }
                } @else if issue.status.is_final() { a.btn href=(desk.issue_path(issue.date(), "report")) { "Report" } }
                @else { a.btn.filled href=(desk.issue_path(issue.date(), "live")) { "Watch" } } }
        }
        section.sheet { header { h2 { "Stories" } p.soft { (counted(stories.iter().filter(|it| it.position.is_some()).count(), "story")) } }
            ol.stories { @for story in stories.iter().filter(|it| it.position.is_some()) {
                li { b { (story.position.unwrap_or(0)) } div { a.title href=(story.article.url) rel="noreferrer" target="_blank" { (story.article.title) }
                    p.why { (story.reason.replace('_', " ")) } } }
            } } }
    };
    desk.page(Tab::Issue, &format!("Issue of {}", long_day(issue.date())), &content).await
}
