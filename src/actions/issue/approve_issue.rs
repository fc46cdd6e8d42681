//! An operator approves an issue.

use crate::{
    actions::Context,
    db::{
        DbError, DbTime, audit,
        issues::{self, IssueRecord},
    },
    domain::{
        actor::Actor,
        ids::IssueId,
        issue::{revision::Revision, status::IssueStatus},
    },
    queue::Job,
};
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    #[error("the issue is already {0}")]
    TooLate(IssueStatus),
    #[error("the issue has no plan yet, or was just edited; run `daily issue plan` first")]
    NotPlanned,
    #[error("the issue was planned or edited again while you decided; look at it again")]
    Changed,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The plan that an operator saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPlan {
    planned_at: Option<DbTime>,
    version: i64,
    revision: Revision,
}

impl SeenPlan {
    pub const fn of(issue: &IssueRecord, revision: Revision) -> Self {
        Self { planned_at: issue.planned_at, version: issue.version, revision }
    }

    fn is_of(&self, issue: &IssueRecord) -> bool {
        self.planned_at == issue.planned_at && self.version == issue.version
    }
}

/// Approves the plan of an issue that the operator saw, and returns the issue. New articles don't change an
/// approved plan. An edit changes it and withdraws the approval. An issue that is due is sent at once.
pub async fn approve_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    seen: Option<SeenPlan>,
) -> Result<IssueRecord, ApproveError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let found = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    // Somebody may even have approved another plan meanwhile.
    let is_other =
        |seen: &SeenPlan| !seen.is_of(&found) && found.approved_revision.as_ref() != Some(&seen.revision);
    if found.status == IssueStatus::Planned && seen.as_ref().is_some_and(is_other) {
        return Err(ApproveError::Changed);
    }
    let revision = seen.as_ref().map(|seen| &seen.revision);
    let approved = issues::set_approved(&mut tx, issue, revision, now).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    match (record.status, record.planned_at) {
        (IssueStatus::Planned, None) => return Err(ApproveError::NotPlanned),
        (IssueStatus::Planned, Some(_)) => {}
        (status, _) => return Err(ApproveError::TooLate(status)),
    }
    if approved {
        let entry = audit::Entry {
            actor,
            action: "issue.approve",
            subject: Some(issue.0),
            before: json!({ "approved_at": null }),
            after: json!({ "approved_at": record.approved_at, "revision": record.approved_revision.as_ref().map(Revision::full) }),
        };
        audit::record(&mut tx, entry, now).await?;
        tracing::info!(%issue, date = %record.issue_date, "issue approved");
        if record.due_at.0 <= now {
            issues::set_woken(&mut tx, issue, now).await?;
            context.queue.enqueue(&mut tx, &Job::FreezeIssue { issue }).await?;
        }
    }
    tx.commit().await?;
    Ok(record)
}

/// Lets a planned issue go out although not everything is set up. Returns `false` if it is past planning.
pub async fn send_anyway(context: &Context, actor: &Actor, issue: IssueId) -> Result<bool, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    if record.status != IssueStatus::Planned {
        return Ok(false);
    }
    if !record.anyway {
        issues::set_anyway(&mut tx, issue).await?;
        let (before, after) = (json!({ "anyway": false }), json!({ "anyway": true }));
        let entry =
            audit::Entry { actor, action: "issue.send_anyway", subject: Some(issue.0), before, after };
        audit::record(&mut tx, entry, now).await?;
    }
    if record.due_at.0 <= now {
        issues::set_woken(&mut tx, issue, now).await?;
        context.queue.enqueue(&mut tx, &Job::FreezeIssue { issue }).await?;
    }
    tx.commit().await?;
    Ok(true)
}
