//! Calendar: what was sent, what was skipped and why, and what is planned. Silence is no mistake if it has a reason.

use super::{
    desk::{Answer, Desk},
    layout::{Tab, state},
    words::{clock, counted, long_day, short_day, weekday},
};
use crate::{
    db::issues::{self, IssueRecord},
    domain::issue::{schedule, status::IssueStatus},
};
use axum::extract::Query;
use jiff::{Span, civil::Date};
use maud::{Markup, html};

/// Days ahead that are shown.
const AHEAD: i32 = 14;
/// Issues on a page.
const PAGE: i64 = 31;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Before {
    before: Option<Date>,
}

pub async fn get(desk: Desk, Query(query): Query<Before>) -> Answer {
    let today = desk.today();
    let before = query.before.unwrap_or(Date::MAX);
    let mut all =
        issues::page(&mut desk.db().read().await?, desk.record().id, before, PAGE + i64::from(AHEAD)).await?;
    let future: Vec<IssueRecord> = all.extract_if(.., |issue| issue.date() > today).collect();
    all.truncate(usize::try_from(PAGE).unwrap_or(31));
    let sent = all.iter().filter(|issue| issue.status == IssueStatus::Sent).count();
    let skipped = all
        .iter()
        .filter(|issue| matches!(issue.status, IssueStatus::Skipped | IssueStatus::Cancelled))
        .count();
    let headline = match (sent, skipped) {
        (0, 0) => "No issue has been sent yet.".to_owned(),
        (_, 0) => format!("{} went out, none was skipped.", counted(sent, "issue")),
        (_, 1) => format!("{} went out, one day has none.", counted(sent, "issue")),
        (_, skipped) => format!("{} went out, {skipped} days have none.", counted(sent, "issue")),
    };
    let content = html! {
        div.opening { div { p.over { @if query.before.is_some() { "Before " (long_day(before)) } @else { "The last " (all.len()) " issues, and two weeks ahead" } }
            h1 { (headline) } } }
        div.pair {
            section.sheet aria-labelledby="past" {
                header { h2 id="past" { "Past" } }
                @if all.is_empty() { p.small.soft { "Nothing yet." } }
                table.cards { tbody { @for issue in &all { (row(&desk, issue)) } } }
                @if let Some(last) = all.last().filter(|_| all.len() == 31) { div.acts.after { a.btn href={ (desk.path("calendar")) "?before=" (last.date()) } { "Earlier" } } }
            }
            @if query.before.is_none() { section.sheet aria-labelledby="ahead" {
                header { h2 id="ahead" { "Ahead" } p.soft { (desk.newsletter().days) } }
                table.cards { tbody { @for days in 1..=AHEAD { (coming(&desk, today.saturating_add(Span::new().days(days)), &future)) } } }
            } }
        }
    };
    desk.page(Tab::Calendar, "Calendar", &content).await
}

fn row(desk: &Desk, issue: &IssueRecord) -> Markup {
    let (class, word) = match issue.status {
        IssueStatus::Sent => ("fine", "Sent"),
        IssueStatus::Planned => ("wait", "Planned"),
        IssueStatus::Frozen | IssueStatus::Sending => ("move", "Going out"),
        IssueStatus::Paused => ("rest", "Paused"),
        IssueStatus::Held => ("alarm", "Held"),
        IssueStatus::Skipped => ("rest", "Skipped"),
        IssueStatus::Cancelled => ("rest", "Cancelled"),
    };
    let page = if issue.status == IssueStatus::Sent { "report" } else { "" };
    html! {
        tr { th.keep scope="row" { a href=(desk.issue_path(issue.date(), page)) { (short_day(issue.date())) } ", " (clock(issue.due_at.0, desk.newsletter())) }
            td.full.soft { (issue.reason.as_deref().unwrap_or_default())
                @if issue.frozen_at.is_some() { (counted(issue.recipients, "reader")) } }
            td.end { (state(class, word)) } }
    }
}

fn coming(desk: &Desk, date: Date, known: &[IssueRecord]) -> Markup {
    if let Some(issue) = known.iter().find(|issue| issue.date() == date) {
        return row(desk, issue);
    }
    html! {
        tr { th.keep scope="row" { @if desk.newsletter().days.contains(date) { a href=(desk.issue_path(date, "")) { (short_day(date)) } ", " (clock(schedule::due_at(desk.newsletter(), date), desk.newsletter())) } @else { (short_day(date)) } }
            td.full.soft { @if !desk.newsletter().days.contains(date) { (weekday(date)) " isn’t one of your days" } }
            td.end { @if desk.newsletter().days.contains(date) { (state("rest", "Not planned yet")) } @else { span.small.soft { "No issue" } } } }
    }
}
