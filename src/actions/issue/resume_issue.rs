//! An operator lets an issue go on.

use crate::{
    actions::Context,
    db::{DbError, engine::processes, issues},
    domain::{ids::IssueId, issue::status::IssueStatus},
    queue::Job,
};

/// Lets a paused or held issue go on, with a new score: the canary and the breaker begin anew. Returns the state it is in now.
pub async fn resume_issue(context: &Context, issue: IssueId) -> Result<IssueStatus, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    // Nobody moves it between the look and the step.
    issues::hold(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    if matches!(record.status, IssueStatus::Paused | IssueStatus::Held)
        && issues::advance(&mut tx, issue, record.status, IssueStatus::Sending, None, now).await?
    {
        issues::set_resumed(&mut tx, issue, now).await?;
        issues::set_woken(&mut tx, issue, now).await?;
        // One for each worker, as when it was frozen.
        for _ in 0..processes::count_workers(&mut tx, now).await?.max(1) {
            context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        }
        tracing::info!(%issue, "issue resumed");
    }
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    tx.commit().await?;
    Ok(record.status)
}
