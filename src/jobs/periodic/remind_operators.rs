//! Asking operators about issues that wait for them: at once, and once more before they are due.

use crate::{
    db::{DbError, Tx, issues, newsletters},
    delivery::notify_operators::{About, notify_operators},
    domain::delivery::email::MailKind,
    jobs::{Context, plan_issue::APPROVAL},
};
use jiff::Timestamp;

/// Puts the mails that are due into the queue, in the caller's transaction.
pub async fn ask_operators(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    for (issue, waits_for) in issues::unapproved(tx, now, context.rules.remind_before).await? {
        let Some(record) = issues::get(tx, issue).await? else { continue };
        let newsletter = newsletters::get(tx, record.newsletter_id).await?;
        let kind = if waits_for == APPROVAL { MailKind::ApprovalWanted } else { MailKind::TooFewStories };
        if issues::set_reminded(tx, issue, record.reminded_at, now).await? {
            notify_operators(context, tx, &newsletter, kind, About::Issue(issue)).await?;
        }
    }
    Ok(())
}
