//! An operator pauses an issue.

use crate::{
    actions::Context,
    db::{DbError, audit, issues},
    domain::{actor::Actor, ids::IssueId, issue::status::IssueStatus},
};
use serde_json::json;

/// Pauses an issue that is being sent and returns its status. No process starts a delivery after the commit,
/// because the fence checks the issue's status. Deliveries in flight are finished.
pub async fn pause_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    reason: Option<&str>,
) -> Result<IssueStatus, DbError> {
    let now = context.clock.now();
    let reason = reason.unwrap_or("paused by an operator");
    let mut tx = context.db.begin().await?;
    if issues::advance(&mut tx, issue, IssueStatus::Sending, IssueStatus::Paused, Some(reason), now).await? {
        let entry = audit::Entry {
            actor,
            action: "issue.pause",
            subject: Some(issue.0),
            before: json!({ "status": IssueStatus::Sending, "reason": null }),
            after: json!({ "status": IssueStatus::Paused, "reason": reason }),
        };
        audit::record(&mut tx, entry, now).await?;
        tracing::warn!(%issue, reason, "issue paused");
    }
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    tx.commit().await?;
    Ok(record.status)
}
