//! Use cases, one verb per file. An action runs in one transaction: it writes, records consent, and enqueues
//! the jobs. Pages and the command line only translate their input to actions and the results to output.

pub mod check;
pub mod feed;
pub mod incoming;
pub mod issue;
pub mod listed_values;
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

/// Dependencies of actions. Signups and readers' own changes have contexts of their own. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
}

/// Enqueues an email to the reader of a subscription, in the caller's transaction.
async fn enqueue_email(
    queue: &Queue,
    tx: &mut Tx,
    kind: EmailKind,
    newsletter: &NewsletterRecord,
    subscription: &SubscriptionRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    let email = NewEmail {
        kind,
        newsletter: newsletter.id,
        recipient: &subscription.address,
        subscription: Some(subscription.id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let email = emails::insert(tx, &email, now).await?;
    queue.enqueue(tx, &Job::SendEmails { emails: vec![email] }).await
}

/// Enqueues an email about a reader's request, in the caller's transaction.
async fn enqueue_request_email(
    queue: &Queue,
    tx: &mut Tx,
    kind: EmailKind,
    subscription: &SubscriptionRecord,
    recipient: &EmailAddress,
    request: RequestId,
    now: Timestamp,
) -> Result<(), DbError> {
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    let email = NewEmail {
        kind,
        newsletter: newsletter.id,
        recipient,
        subscription: Some(subscription.id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let email = emails::insert(tx, &email, now).await?;
    emails::set_request(tx, email, request).await?;
    queue.enqueue(tx, &Job::SendEmails { emails: vec![email] }).await
}

/// Makes a Message-ID (RFC 5322 section 3.6.4), without angle brackets.
fn message_id(newsletter: &crate::domain::newsletter::Newsletter) -> String {
    format!("{}@{}", crate::random::hex::<12>(), newsletter.sender_address.domain())
}
