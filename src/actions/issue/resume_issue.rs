//! An operator resumes an issue.

use crate::{
    actions::{Context, issue::audited},
    db::{DbError, audit, engine::processes, issues},
    domain::{actor::Actor, ids::IssueId, issue::status::IssueStatus},
    queue::Job,
};

/// Resumes a paused or held issue and returns its status. The canary and the breaker start over.
pub async fn resume_issue(context: &Context, actor: &Actor, issue: IssueId) -> Result<IssueStatus, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    // Keeps the status unchanged between the read and the update.
    issues::lock(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    let resumed = matches!(record.status, IssueStatus::Paused | IssueStatus::Held)
        && issues::advance(&mut tx, issue, record.status, IssueStatus::Sending, None, now).await?;
    let after = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    if resumed {
        let (before, after) = (audited(&record), audited(&after));
        let entry = audit::Entry { actor, action: "issue.resume", subject: Some(issue.0), before, after };
        audit::record(&mut tx, entry, now).await?;
        issues::set_resumed(&mut tx, issue, now).await?;
        issues::set_woken(&mut tx, issue, now).await?;
        // One job for each worker, as after the freeze.
        for _ in 0..processes::count_workers(&mut tx, now).await?.max(1) {
            context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        }
        tracing::info!(%issue, "issue resumed");
    }
    tx.commit().await?;
    Ok(after.status)
}
