//! What people can do, one verb a file. Each opens the transaction, writes, records the consent event and enqueues: work and
//! wake-up are saved together or not at all. Pages and the command line only translate to and from these.

pub mod feed;
pub mod issue;
pub mod newsletter;
pub mod operator;
pub mod privacy;
pub mod rate_limiter;
pub mod signup;
pub mod subscription;

use crate::{
    actions::{
        signup::{blocked_domains::BlockedDomains, signup_batcher::SignupBatcher},
        subscription::unsubscribe::UnsubscribeBatcher,
    },
    clock::Clock,
    db::{
        Db, DbError, Tx,
        deliveries::emails::{self, NewMail},
        newsletters::{self, NewsletterRecord},
        subscribers::SubscriptionRecord,
    },
    domain::{
        delivery::email::MailKind,
        ids::RequestId,
        rate_limit::Limit,
        signup::{challenge::ChallengePolicy, limits::SignupLimits},
        subscriber::email_address::EmailAddress,
        token::KeyRing,
    },
    queue::{Job, Queue},
};
use jiff::Timestamp;
use std::sync::Arc;

/// What every action works with.
#[derive(Clone)]
pub struct Context {
    /// The store.
    pub db: Db,
    /// Where work is enqueued.
    pub queue: Queue,
    /// The time.
    pub clock: Clock,
    /// Reads the tokens in links.
    pub keys: Arc<KeyRing>,
    /// How long a confirmation link works.
    pub confirmation_days: u32,
    /// Whether a reader who confirms is greeted.
    pub welcome_mail: bool,
    /// How many mails strangers may cause to one address.
    pub mails_per_address: Option<Limit>,
    /// Saves signups.
    pub signup_batcher: SignupBatcher,
    /// Carries out unsubscribe requests.
    pub unsubscribe_batcher: UnsubscribeBatcher,
    /// Whose addresses are not taken.
    pub blocked_domains: Arc<BlockedDomains>,
    /// Whether addresses of posts, such as `info@`, are taken.
    pub allow_role_accounts: bool,
    /// Whether mail can reach a domain.
    pub mail_servers: Arc<signup::mail_servers::MailServers>,
    /// How many signups are taken.
    pub signup_limits: SignupLimits,
    /// When a signup needs a solved challenge.
    pub challenge_policy: ChallengePolicy,
    /// Whether signups look like an attack.
    pub attack_status: Arc<signup::challenge::AttackStatus>,
    /// Who sends the signup form back sooner is a program.
    pub minimum_time: jiff::SignedDuration,
}

/// Puts a mail about a subscription to its reader into the queue, in the caller's transaction.
async fn mail_reader(
    queue: &Queue,
    tx: &mut Tx,
    kind: MailKind,
    newsletter: &NewsletterRecord,
    subscription: &SubscriptionRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    let mail = NewMail {
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
    queue.enqueue(tx, &Job::SendMails { mails: vec![mail] }).await
}

/// Puts a mail about what a reader asked for into the queue, in the caller's transaction.
async fn mail_about(
    context: &Context,
    tx: &mut Tx,
    kind: MailKind,
    subscription: &SubscriptionRecord,
    recipient: &EmailAddress,
    request: RequestId,
) -> Result<(), DbError> {
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    let mail = NewMail {
        kind,
        newsletter: newsletter.id,
        recipient,
        subscription: Some(subscription.id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let mail = emails::insert(tx, &mail, context.clock.now()).await?;
    emails::set_request(tx, mail, request).await?;
    context.queue.enqueue(tx, &Job::SendMails { mails: vec![mail] }).await
}

/// A new mail's identity (RFC 5322 section 3.6.4), without angle brackets.
fn message_id(newsletter: &crate::domain::newsletter::Newsletter) -> String {
    format!("{}@{}", crate::random::hex::<12>(), newsletter.sender_address.domain())
}
