//! Alerts operators about issues that wait for them: immediately, and again shortly before the issue is due.

use crate::{
    db::{DbError, Tx, issues, newsletters},
    delivery::notify_operators::{NoticeSubject, notify_operators},
    domain::delivery::email::EmailKind,
    issues::plan::{WAITS_FOR_APPROVAL, WAITS_FOR_SEND, WAITS_FOR_SETUP},
    jobs::context::IssueContext,
};
use jiff::{SignedDuration, Timestamp};

/// Enqueues the alerts that are due, in the caller's transaction.
pub async fn remind_operators(context: &IssueContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    for (issue, waits_for) in issues::unapproved(
        tx,
        now,
        SignedDuration::from_mins(context.settings.schedule.remind_minutes.into()),
    )
    .await?
    {
        let Some(record) = issues::get(tx, issue).await? else { continue };
        let newsletter = newsletters::get(tx, record.newsletter_id).await?;
        let kind = match waits_for.as_str() {
            WAITS_FOR_APPROVAL => EmailKind::ApprovalWanted,
            // An operator has just begun it.
            WAITS_FOR_SEND => continue,
            WAITS_FOR_SETUP => EmailKind::SetupWanted,
            _ => EmailKind::TooFewStories,
        };
        if issues::set_reminded(tx, issue, record.reminded_at, now).await? {
            notify_operators(&context.queue, tx, &newsletter, kind, NoticeSubject::Issue(issue), now).await?;
        }
    }
    Ok(())
}
