//! An operator stops an issue that is going out.

use crate::{
    actions::Context,
    db::{DbError, issues},
    domain::{ids::IssueId, issue::status::IssueStatus},
};

/// Pauses an issue that is going out. From the commit on no further delivery is begun, by any process: the fence looks at
/// the issue's state. Those in flight are finished. Returns the state it is in now.
pub async fn pause_issue(
    context: &Context,
    issue: IssueId,
    reason: Option<&str>,
) -> Result<IssueStatus, DbError> {
    let now = context.clock.now();
    let reason = reason.unwrap_or("paused by an operator");
    let mut tx = context.db.begin().await?;
    if issues::advance(&mut tx, issue, IssueStatus::Sending, IssueStatus::Paused, Some(reason), now).await? {
        tracing::warn!(%issue, reason, "issue paused");
    }
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    tx.commit().await?;
    Ok(record.status)
}
