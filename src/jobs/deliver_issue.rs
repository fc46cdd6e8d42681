//! Delivers an issue: what is due goes out, over as many connections as this process may have.
//!
//! A job is one delivery run. It claims batches of deliveries and feeds them to connection tasks, which compose, begin, send and
//! record each. After half a minute the run schedules a successor, so that issues take turns and other processes get their share.

use crate::{
    db::{
        deliveries::{self, claims},
        engine::processes,
        issues,
    },
    delivery::{
        context::Context, delivery_run::StopReason, mailing::Mailing, run::run as run_deliveries,
        schedule_next::schedule_next,
    },
    domain::{delivery::retry, ids::IssueId, issue::status::IssueStatus},
    queue::{Job, JobFailure},
    random,
};
use jiff::SignedDuration;
use std::time::Duration;

/// When a process that works on an issue already gets another job of it, the job comes back within this time, for another
/// process.
const REQUEUE_WITHIN: Duration = Duration::from_millis(500);
/// When a job that can't be done now comes back.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// Deliveries of a cancelled issue that are skipped in one transaction.
const SKIP_AT_ONCE: i64 = 5_000;

/// Delivers what is due of an issue, for a while; then enqueues a successor for the rest, or closes the issue.
pub async fn run(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    if !context.throttle.may_connect() {
        // What it claimed would lie there until its turn is over.
        return retry_later(context, issue).await;
    }
    let Some(seat) = context.in_flight.reserve(issue) else {
        return requeue_for_others(context, issue).await;
    };
    let Some(mailing) = Mailing::load(context, issue).await? else {
        return skip_cancelled(context, issue).await;
    };
    let due_at = mailing.issue.due_at.0;
    let first_due = mailing.issue.resumed_at.map_or(due_at, |at| at.0.max(due_at));
    let late = context.clock.now().duration_since(first_due) > retry::GIVE_UP_AFTER;
    if !late && context.mailer.preferred().is_none() {
        // All relays rest: nothing is claimed for nothing. What is late a turn gives up.
        drop(seat);
        return schedule_next(context, issue, StopReason::NoRelay).await;
    }
    let end = run_deliveries(context, mailing, first_due).await?;
    // From here on a new job of the issue finds the seat free: what it was enqueued for may have come too late for this turn.
    drop(seat);
    schedule_next(context, issue, end).await
}

/// Leaves a job of this process, which has no connection, to the others, or to itself when it has one.
async fn retry_later(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if issues::get(&mut tx, issue).await?.is_some_and(|record| record.status == IssueStatus::Sending) {
        context.queue.enqueue_at(&mut tx, &Job::Deliver { issue }, now + AGAIN_AFTER).await?;
    }
    tx.commit().await?;
    skip_cancelled(context, issue).await
}

/// Leaves a job to a process that does not work on the issue yet, if there is one.
async fn requeue_for_others(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    // Processes look for jobs in a rhythm of their own; without some chance in it, the same one would always come first.
    let pause = REQUEUE_WITHIN.mul_f64(random::fraction());
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = context.stop.cancelled() => {}
    }
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let workers = processes::count_workers(&mut tx, now).await?;
    let sending = issues::get(&mut tx, issue).await?.is_some_and(|it| it.status == IssueStatus::Sending);
    if sending && workers > 1 && claims::processes(&mut tx, issue, now).await? < workers {
        context.queue.enqueue_for_others(&mut tx, &Job::Deliver { issue }).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Skips what is left of a cancelled issue. Nothing of any other state is left to do here.
async fn skip_cancelled(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    loop {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
        if record.status != IssueStatus::Cancelled {
            return Ok(());
        }
        claims::expire(&mut tx, issue, now).await?;
        deliveries::recover(&mut tx, issue).await?;
        let skipped =
            deliveries::skip_open(&mut tx, issue, "the issue was cancelled", now, SKIP_AT_ONCE).await?;
        let standing = deliveries::remaining(&mut tx, issue).await?;
        if skipped == 0 && !standing.leased && !standing.waiting {
            issues::set_at_rest(&mut tx, issue).await?;
        }
        tx.commit().await?;
        if skipped == 0 {
            return Ok(());
        }
    }
}
