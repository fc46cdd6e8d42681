//! Schedules the next job of an issue after a delivery run.

use super::{context::Context, delivery_run::StopReason};
use crate::{
    db::{deliveries, issues},
    domain::{ids::IssueId, issue::status::IssueStatus},
    queue::{Job, JobFailure},
};
use jiff::SignedDuration;

/// How long what is due and could not go out waits at least.
const NOT_AT_ONCE: SignedDuration = SignedDuration::from_secs(2);
/// When a job that can't be done now comes back.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// Enqueues what comes next for an issue: another turn now or later, or the end.
pub async fn schedule_next(context: &Context, issue: IssueId, end: StopReason) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let status = issues::get(&mut tx, issue).await?.map(|record| record.status);
    let standing = deliveries::remaining(&mut tx, issue).await?;
    let next = match status {
        Some(IssueStatus::Sending) if standing.is_done() => {
            if issues::advance(&mut tx, issue, IssueStatus::Sending, IssueStatus::Sent, None, now).await? {
                tracing::info!(%issue, "issue sent");
            }
            None
        }
        Some(IssueStatus::Sending) => match end {
            // Stopped, and let go on meanwhile.
            StopReason::Full | StopReason::Stopped => Some(None),
            StopReason::Canary => Some(Some(now + AGAIN_AFTER)),
            // Where nothing waits, those who hold the last ones close the issue; the sweep looks after them in case they died.
            _ => deliveries::next_due(&mut tx, issue).await?.map(|due| Some(due.max(now + NOT_AT_ONCE))),
        },
        // Its rows are skipped by a turn of their own.
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
            // The sweep only helps when this job is lost.
            issues::set_woken(&mut tx, issue, at).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
