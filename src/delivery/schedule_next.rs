//! Schedules the next job of an issue after a delivery run.

use super::{context::Context, delivery_run::StopReason};
use crate::{
    db::{
        deliveries,
        issues::{self, heartbeats},
    },
    domain::{ids::IssueId, issue::status::IssueStatus},
    queue::{Job, JobFailure},
};
use jiff::SignedDuration;

/// Minimum delay for deliveries that are due but could not be sent.
const MIN_DELAY: SignedDuration = SignedDuration::from_secs(2);
/// Delay before retrying while the canary is pending.
const RETRY_DELAY: SignedDuration = SignedDuration::from_secs(1);

/// Enqueues the next job of an issue, now or later, or completes the issue.
pub async fn schedule_next(
    context: &Context,
    issue: IssueId,
    stop_reason: StopReason,
) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    // Nobody adds deliveries to the queue between the look at those that remain and the end of the issue.
    issues::lock(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?;
    let is_fanning_out = record.as_ref().is_some_and(|it| it.fanned_out_to.is_some());
    let status = record.map(|record| record.status);
    let standing = deliveries::remaining(&mut tx, issue).await?;
    if is_fanning_out && status == Some(IssueStatus::Sending) {
        // If the process that makes the deliveries has crashed, another one continues.
        context.queue.enqueue_at(&mut tx, &Job::FreezeIssue { issue }, now + RETRY_DELAY).await?;
    }
    let next = match status {
        Some(IssueStatus::Sending) if standing.is_done() && !is_fanning_out => {
            if issues::advance(&mut tx, issue, IssueStatus::Sending, IssueStatus::Sent, None, now).await? {
                tracing::info!(%issue, "issue sent");
                if context.settings.monitoring.heartbeat_url.is_some() {
                    heartbeats::set_due(&mut tx, issue, now).await?;
                }
            }
            None
        }
        Some(IssueStatus::Sending) => match stop_reason {
            // A stopped issue may have been resumed meanwhile.
            StopReason::TimeUp | StopReason::Stopped => Some(None),
            StopReason::Canary => Some(Some(now + RETRY_DELAY)),
            // If nothing is waiting, the processes with the last deliveries complete the issue. If they
            // crash, the scheduler recovers these.
            _ => {
                let due = deliveries::next_due(&mut tx, issue).await?.map(|due| due.max(now + MIN_DELAY));
                let due = if is_fanning_out { Some(now + RETRY_DELAY) } else { due };
                due.map(Some)
            }
        },
        // A run skips the remaining deliveries.
        Some(IssueStatus::Cancelled) => Some(None),
        _ => None,
    };
    match next {
        None => {}
        Some(None) => {
            context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
            issues::set_woken(&mut tx, issue, now).await?;
        }
        Some(Some(at)) => {
            context.queue.enqueue_at(&mut tx, &Job::Deliver { issue }, at).await?;
            // The scheduler steps in only if this job is lost.
            issues::set_woken(&mut tx, issue, at).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
