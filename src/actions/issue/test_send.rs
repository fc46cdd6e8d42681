//! An operator sends a test of an issue.

use crate::{
    actions::{Context, message_id},
    db::{DbError, audit, deliveries::emails, newsletters::NewsletterRecord, suppressions},
    domain::{
        actor::Actor,
        delivery::email::EmailKind,
        ids::{EmailId, IssueId},
        subscriber::email_address::EmailAddress,
    },
    queue::Job,
};
use jiff::civil::Date;
use serde_json::{Value, json};

#[derive(Debug, thiserror::Error)]
pub enum TestSendError {
    #[error("{address} is on the suppression list ({reason}); use another address")]
    Suppressed { address: EmailAddress, reason: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Enqueues a test of the issue of a date, or of its current plan if it has not begun.
pub async fn test_send(
    context: &Context,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    (date, issue): (Date, Option<IssueId>),
    recipient: &EmailAddress,
) -> Result<EmailId, TestSendError> {
    let recipients = std::slice::from_ref(recipient);
    let mails = test_send_to(context, actor, newsletter, (date, issue), recipients).await?;
    Ok(mails.first().copied().ok_or(DbError::RowNotFound)?)
}

/// Enqueues a test for each of these addresses, or for none of them. The audit log doesn't name the recipients, who may
/// be anyone.
pub async fn test_send_to(
    context: &Context,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    (date, issue): (Date, Option<IssueId>),
    recipients: &[EmailAddress],
) -> Result<Vec<EmailId>, TestSendError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let mut mails = Vec::new();
    for recipient in recipients {
        if let Some(reason) = suppressions::reason(&mut tx, recipient).await? {
            return Err(TestSendError::Suppressed { address: recipient.clone(), reason });
        }
        let mail = emails::NewEmail {
            kind: EmailKind::Test,
            newsletter: newsletter.id,
            recipient,
            subscription: None,
            confirmation: None,
            issue,
            feed: None,
            message_id: &message_id(&newsletter.newsletter),
        };
        let mail = emails::insert(&mut tx, &mail, now).await?;
        let entry = audit::Entry {
            actor,
            action: "issue.test_send",
            subject: issue.map(|it| it.0),
            before: Value::Null,
            after: json!({ "newsletter": newsletter.newsletter.slug, "mail": mail }),
        };
        audit::record(&mut tx, entry, now).await?;
        mails.push(mail);
    }
    emails::set_issue_date(&mut tx, &mails, date).await?;
    context.queue.enqueue_all(&mut tx, &Job::send_emails(&mails)).await?;
    tx.commit().await?;
    Ok(mails)
}
