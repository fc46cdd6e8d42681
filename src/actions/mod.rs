//! What people can do, one verb a file. Each opens the transaction, writes, records the consent event and enqueues: work and
//! wake-up are saved together or not at all. Pages and the command line only translate to and from these.

pub mod add_article;
pub mod add_feed;
pub mod add_newsletter;
pub mod add_operator;
pub mod approve_issue;
pub mod blocked_domains;
pub mod cancel_issue;
pub mod challenge;
pub mod change_address;
pub mod confirm;
pub mod edit_issue;
pub mod forget;
pub mod held_page;
pub mod import_subscribers;
pub mod join_newsletter;
pub mod mail_servers;
mod move_reader;
pub mod pause_issue;
pub mod pause_subscription;
pub mod rate_limiter;
pub mod remove_operator;
pub mod resolve_issue;
pub mod resume_issue;
pub mod send_copy;
pub mod send_issue;
pub mod set_newsletter;
pub mod set_preferences;
pub mod signup_batcher;
pub mod subscribe;
pub mod test_send;
pub mod unsubscribe;
pub mod verify_consent;

use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        mails::{self, NewMail},
        newsletters::{self, NewsletterRecord},
        subscriptions::SubscriptionRecord,
    },
    domain::{
        challenge::ChallengePolicy, email_address::EmailAddress, ids::RequestId, mail::MailKind,
        rate_limit::Limit, signup_limit::SignupLimits, token::KeyRing,
    },
    queue::{Job, Queue},
};
use blocked_domains::BlockedDomains;
use jiff::Timestamp;
use signup_batcher::SignupBatcher;
use std::sync::Arc;
use unsubscribe::UnsubscribeBatcher;

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
    pub mail_servers: Arc<mail_servers::MailServers>,
    /// How many signups are taken.
    pub signup_limits: SignupLimits,
    /// When a signup needs a solved challenge.
    pub challenge_policy: ChallengePolicy,
    /// Whether signups look like an attack.
    pub attack_status: Arc<challenge::AttackStatus>,
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
    // What is stored was parsed once; rules may have become stricter since.
    let Ok(recipient) = EmailAddress::parse(&subscription.address) else { return Ok(()) };
    let mail = NewMail {
        kind,
        newsletter: newsletter.id,
        recipient: &recipient,
        subscription: Some(subscription.id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let mail = mails::insert(tx, &mail, now).await?;
    queue.enqueue(tx, &Job::SendMail { mail }).await
}

/// Puts a mail about what a reader asked for into the queue, in the caller's transaction.
async fn mail_about(
    context: &Context,
    tx: &mut Tx,
    kind: MailKind,
    subscription: &SubscriptionRecord,
    recipient: &str,
    request: RequestId,
) -> Result<(), DbError> {
    // What is stored was parsed once; rules may have become stricter since.
    let Ok(recipient) = EmailAddress::parse(recipient) else { return Ok(()) };
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    let mail = NewMail {
        kind,
        newsletter: newsletter.id,
        recipient: &recipient,
        subscription: Some(subscription.id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let mail = mails::insert(tx, &mail, context.clock.now()).await?;
    mails::set_request(tx, mail, request).await?;
    context.queue.enqueue(tx, &Job::SendMail { mail }).await
}

/// A new mail's identity (RFC 5322 section 3.6.4), without angle brackets.
fn message_id(newsletter: &crate::domain::newsletter::Newsletter) -> String {
    format!("{}@{}", crate::random::hex::<12>(), newsletter.sender_address.domain())
}
