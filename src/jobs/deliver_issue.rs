//! Delivers an issue, over as many connections as this process's quotas allow.
//!
//! A job is one delivery run. It claims batches of deliveries and feeds them to connection tasks, which
//! compose, begin, send and record each. After half a minute the run schedules a successor, so that issues
//! alternate and other processes get their share.

use crate::{
    db::{
        cohorts,
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

/// A job for an issue that this process already delivers is requeued within this time, for another process.
const REQUEUE_WITHIN: Duration = Duration::from_millis(500);
/// Pause before a job without a relay connection runs again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// Deliveries of a cancelled issue that one transaction skips.
const SKIP_AT_ONCE: i64 = 5_000;

/// Delivers whatever is due of an issue, then enqueues a successor for the rest or finishes the issue.
pub async fn run(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    if !context.throttle.may_connect() {
        // Claimed deliveries would only wait until their lease ends.
        return retry_later(context, issue).await;
    }
    let Some(guard) = context.in_flight.reserve(issue) else {
        return requeue_for_others(context, issue).await;
    };
    let Some(mailing) = Mailing::load(context, issue).await? else {
        return skip_cancelled(context, issue).await;
    };
    let due_at = mailing.issue.due_at.0;
    let first_due = mailing.issue.resumed_at.map_or(due_at, |at| at.0.max(due_at));
    let is_late =
        context.clock.now().duration_since(context.clock.adjusted(first_due)) > retry::GIVE_UP_AFTER;
    if !is_late && context.mailer.preferred().is_none() {
        // Claiming is pointless while all relays are down. Late issues still run, because a run gives up
        // their deliveries.
        drop(guard);
        return schedule_next(context, issue, StopReason::NoRelay).await;
    }
    let stop_reason = run_deliveries(context, mailing, first_due).await?;
    // A job that was enqueued during this run may have come too late for it. From here on it finds the issue
    // free.
    drop(guard);
    schedule_next(context, issue, stop_reason).await
}

/// Requeues a job of a process without connections, for itself or another process.
async fn retry_later(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if issues::get(&mut tx, issue).await?.is_some_and(|record| record.status == IssueStatus::Sending) {
        context.queue.enqueue_at(&mut tx, &Job::Deliver { issue }, now + RETRY_AFTER).await?;
    }
    tx.commit().await?;
    skip_cancelled(context, issue).await
}

/// Leaves a job to a process that is not delivering this issue yet, if there is one.
async fn requeue_for_others(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    // Processes poll at fixed intervals. Without jitter, the same process would always win.
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

/// Skips the remaining deliveries of a cancelled issue. Does nothing for issues in other states.
async fn skip_cancelled(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    loop {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
        if record.status != IssueStatus::Cancelled {
            return Ok(());
        }
        if let Some(after) = record.fanned_out_to {
            // The fan-out stops at the next portion, because the issue's row is locked here and there.
            issues::lock(&mut tx, issue).await?;
            let reached = deliveries::forget_beyond(&mut tx, issue, after, SKIP_AT_ONCE).await?;
            issues::set_fanned_out(&mut tx, issue, reached, 0).await?;
            if reached.is_none() {
                cohorts::end_fan_out(&mut tx, issue).await?;
            }
            tx.commit().await?;
            continue;
        }
        claims::expire(&mut tx, issue, now).await?;
        deliveries::recover(&mut tx, issue).await?;
        let skipped =
            deliveries::skip_open(&mut tx, issue, "the issue was cancelled", now, SKIP_AT_ONCE).await?;
        let standing = deliveries::remaining(&mut tx, issue).await?;
        if skipped == 0 && !standing.leased && !standing.waiting {
            issues::set_at_rest(&mut tx, issue).await?;
            if standing.is_done() && issues::was_sent(&mut tx, issue).await? {
                // It was going out again to those who missed it. All others have it.
                let (from, to) = (IssueStatus::Cancelled, IssueStatus::Sent);
                issues::advance(&mut tx, issue, from, to, record.reason.as_deref(), now).await?;
            }
        }
        tx.commit().await?;
        if skipped == 0 {
            return Ok(());
        }
    }
}
