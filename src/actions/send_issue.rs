//! An operator begins an issue, or has it sent now.

use super::Context;
use crate::{
    db::{
        DbError,
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
    },
    domain::{issue::IssueStatus, schedule},
    queue::Job,
};
use jiff::civil::Date;

/// Makes sure that the issue of a date exists. The sweep has its stories chosen, unless the caller does so first.
pub async fn begin_issue(
    context: &Context,
    newsletter: &NewsletterRecord,
    date: Date,
) -> Result<IssueRecord, DbError> {
    let due_at = schedule::due_at(&newsletter.newsletter, date);
    let mut tx = context.db.begin().await?;
    issues::insert(&mut tx, newsletter.id, date, due_at, IssueStatus::Planned, None, context.clock.now())
        .await?;
    let issue = issues::by_date(&mut tx, newsletter.id, date).await?.ok_or(DbError::RowNotFound)?;
    tx.commit().await?;
    Ok(issue)
}

/// Has today's issue planned with what there is now, rendered and sent, whatever time it was due. Returns the issue as it
/// stood before; one that was sent, is going out or was skipped is left as it is.
pub async fn send_issue(context: &Context, newsletter: &NewsletterRecord) -> Result<IssueRecord, DbError> {
    let now = context.clock.now();
    let date = schedule::date_at(&newsletter.newsletter, now);
    let mut tx = context.db.begin().await?;
    issues::insert(&mut tx, newsletter.id, date, now, IssueStatus::Planned, None, now).await?;
    let issue = issues::by_date(&mut tx, newsletter.id, date).await?.ok_or(DbError::RowNotFound)?;
    if issue.status == IssueStatus::Planned {
        issues::set_due(&mut tx, issue.id, now).await?;
        issues::set_woken(&mut tx, issue.id, now).await?;
        // Freezing chooses the stories once more, from what there is at that moment.
        context.queue.enqueue(&mut tx, &Job::FreezeIssue { issue: issue.id }).await?;
    }
    tx.commit().await?;
    Ok(issue)
}
