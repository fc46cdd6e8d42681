//! An operator cancels an issue.

use crate::{
    actions::{Context, issue::audited},
    db::{DbError, audit, issues},
    domain::{actor::Actor, ids::IssueId, issue::status::IssueStatus},
    queue::Job,
};

/// Cancels an issue that is not final and returns its status. No delivery starts after the commit. Those in
/// flight are finished, and a job marks the others as skipped.
pub async fn cancel_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    reason: Option<&str>,
) -> Result<IssueStatus, DbError> {
    cancel(context, actor, issue, reason, |status| !status.is_final()).await
}

/// Cancels an issue before it is frozen, so that nobody gets it, and returns its status. Another issue stays as it is.
pub async fn skip_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    reason: &str,
) -> Result<IssueStatus, DbError> {
    cancel(context, actor, issue, Some(reason), |status| status == IssueStatus::Planned).await
}

async fn cancel(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    reason: Option<&str>,
    may_cancel: impl FnOnce(IssueStatus) -> bool,
) -> Result<IssueStatus, DbError> {
    let now = context.clock.now();
    let reason = reason.unwrap_or("cancelled by an operator");
    let mut tx = context.db.begin().await?;
    // Keeps the status unchanged between the read and the update.
    issues::lock(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    let cancelled = may_cancel(record.status)
        && issues::advance(&mut tx, issue, record.status, IssueStatus::Cancelled, Some(reason), now).await?;
    let after = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    if cancelled {
        let (before, after) = (audited(&record), audited(&after));
        let entry = audit::Entry { actor, action: "issue.cancel", subject: Some(issue.0), before, after };
        audit::record(&mut tx, entry, now).await?;
        issues::set_woken(&mut tx, issue, now).await?;
        context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        tracing::warn!(%issue, reason, "issue cancelled");
    }
    tx.commit().await?;
    Ok(after.status)
}
