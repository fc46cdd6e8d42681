//! Measures how long freezing an issue takes, without its deliveries.

use crate::{
    articles,
    installation::Installation,
    planning::since,
    statements::Statements,
    support::table::{Table, milliseconds},
};
use daily::{
    db::issues::{self, variants},
    domain::ids::IssueId,
    jobs::{context::Contexts, freeze_issue},
};
use jiff::{SignedDuration, civil::date};
use std::{sync::Arc, time::Instant};

/// New stories per day.
pub const NEW_STORIES: u64 = 500;

/// Freezes today's issue of the daily, and tomorrow's with a recheck of its stories' pages.
pub async fn run(installation: &Installation, statements: &Statements, table: &mut Table) {
    let daily = installation.newsletter("daily").await;
    let mut tx = installation.app.db.read().await.expect("a transaction");
    let issue = issues::get_by_date(&mut tx, daily.id, date(2026, 5, 5)).await.expect("a query");
    drop(tx);
    let mut context = installation.app.jobs.clone();
    let mut settings = (*installation.app.settings).clone();
    settings.schedule.recheck_seconds = 0;
    context.issues.settings = Arc::new(settings);
    let issue = issue.expect("it was planned").id;
    freeze(installation, &context, statements, issue, "freeze the daily", table).await;

    next_day(installation).await;
    let issue = installation.begin_issue(&daily, date(2026, 5, 6)).await;
    let context = &installation.app.jobs;
    freeze(installation, context, statements, issue, "the same, pages looked at", table).await;
}

/// Advances the clock by a day and adds new stories.
pub async fn next_day(installation: &Installation) {
    let day = SignedDuration::from_hours(24);
    installation.clock.advance(day);
    articles::add(installation, NEW_STORIES, installation.clock.now(), day).await;
}

async fn freeze(
    installation: &Installation,
    context: &Contexts,
    statements: &Statements,
    issue: IssueId,
    what: &str,
    table: &mut Table,
) {
    let begun = Instant::now();
    freeze_issue::run(&context.issues, &context.feeds, issue).await.expect("a frozen issue");
    let all = since(begun);
    let frozen = statements.last_logged("issue frozen").expect("it says so");
    let time = frozen.duration_since(begun).as_secs_f64() * 1000.0;
    let mut tx = installation.app.db.read().await.expect("a transaction");
    let variants = variants::for_issue(&mut tx, issue).await.expect("a query").len();
    let readers = issues::get(&mut tx, issue).await.expect("a query").map_or(0, |issue| issue.recipients);
    let remark = format!("{variants} variants; then {} for {readers} deliveries", milliseconds(all - time));
    table.row(&[what, &milliseconds(time), &remark]);
}
