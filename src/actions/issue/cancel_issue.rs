//! An operator gives an issue up.

use crate::{
    actions::Context,
    db::{DbError, issues},
    domain::{ids::IssueId, issue::status::IssueStatus},
    queue::Job,
};

/// Cancels an issue that is not at its end. From the commit on no further delivery is begun; those in flight are finished, and
/// a job marks the others as skipped. Returns the state it is in now.
pub async fn cancel_issue(
    context: &Context,
    issue: IssueId,
    reason: Option<&str>,
) -> Result<IssueStatus, DbError> {
    let now = context.clock.now();
    let reason = reason.unwrap_or("cancelled by an operator");
    let mut tx = context.db.begin().await?;
    // Nobody moves it between the look and the step.
    issues::hold(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    if !record.status.is_final()
        && issues::advance(&mut tx, issue, record.status, IssueStatus::Cancelled, Some(reason), now).await?
    {
        issues::set_woken(&mut tx, issue, now).await?;
        context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        tracing::warn!(%issue, reason, "issue cancelled");
    }
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    tx.commit().await?;
    Ok(record.status)
}
