//! An operator sends an issue to themselves.

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
use serde_json::{Value, json};

/// Why a test can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum TestSendError {
    /// The address is on the suppression list.
    #[error("{address} is on the suppression list ({reason}); nothing is mailed to it")]
    Suppressed {
        /// Which address.
        address: EmailAddress,
        /// Why it is on the list.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Enqueues a test of `issue`, or of the next one as it stands. No reader's state changes. The audit log doesn't name the recipient,
/// who may be anybody.
pub async fn test_send(
    context: &Context,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    issue: Option<IssueId>,
    recipient: &EmailAddress,
) -> Result<EmailId, TestSendError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
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
    context.queue.enqueue(&mut tx, &Job::SendEmails { emails: vec![mail] }).await?;
    tx.commit().await?;
    Ok(mail)
}
