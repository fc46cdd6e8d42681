//! What people can do, one verb a file. Each opens the transaction, writes, records the consent event and enqueues: work and
//! wake-up are saved together or not at all. Pages and the command line only translate to and from these.

pub mod feed;
pub mod issue;
pub mod listed_words;
pub mod newsletter;
pub mod operator;
pub mod privacy;
pub mod rate_limiter;
pub mod signup;
pub mod subscription;

use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        deliveries::emails::{self, NewEmail},
        newsletters::{self, NewsletterRecord},
        subscribers::SubscriptionRecord,
    },
    domain::{delivery::email::EmailKind, ids::RequestId, subscriber::email_address::EmailAddress},
    queue::{Job, Queue},
};
use jiff::Timestamp;

/// What every action needs. Signing up and readers' own changes have contexts of their own. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
}

/// Puts a mail about a subscription to its reader into the queue, in the caller's transaction.
async fn mail_reader(
    queue: &Queue,
    tx: &mut Tx,
    kind: EmailKind,
    newsletter: &NewsletterRecord,
    subscription: &SubscriptionRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    let mail = NewEmail {
        kind,
        newsletter: newsletter.id,
        recipient: &subscription.address,
        subscription: Some(subscription.id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let mail = emails::insert(tx, &mail, now).await?;
    queue.enqueue(tx, &Job::SendEmails { emails: vec![mail] }).await
}

/// Puts a mail about what a reader asked for into the queue, in the caller's transaction.
async fn mail_about(
    queue: &Queue,
    tx: &mut Tx,
    kind: EmailKind,
    subscription: &SubscriptionRecord,
    recipient: &EmailAddress,
    request: RequestId,
    now: Timestamp,
) -> Result<(), DbError> {
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    let mail = NewEmail {
        kind,
        newsletter: newsletter.id,
        recipient,
        subscription: Some(subscription.id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let mail = emails::insert(tx, &mail, now).await?;
    emails::set_request(tx, mail, request).await?;
    queue.enqueue(tx, &Job::SendEmails { emails: vec![mail] }).await
}

/// A new mail's identity (RFC 5322 section 3.6.4), without angle brackets.
fn message_id(newsletter: &crate::domain::newsletter::Newsletter) -> String {
    format!("{}@{}", crate::random::hex::<12>(), newsletter.sender_address.domain())
}
