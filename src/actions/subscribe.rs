//! A reader signs up.

use super::{Context, message_id};
use crate::{
    db::{
        DbError, Tx, mails, newsletters, signup_limits,
        subscriptions::{self, Evidence},
        suppressions,
    },
    domain::{
        consent::ConsentEvent,
        email_address::EmailAddress,
        mail::MailKind,
        mail_domains::is_role_account,
        newsletter::is_slug,
        signup_limit::{Limit, client_network, overall_part},
        subscription::{SignupOutcome, on_signup},
    },
    queue::Job,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// A signup as it arrived.
#[derive(Debug, Clone)]
pub struct Signup {
    /// The address entered.
    pub address: EmailAddress,
    /// The newsletter's short name.
    pub newsletter: String,
    /// By what means: `form`, `json`, or `renewal` of a link that had expired.
    pub method: &'static str,
    /// The zone of the reader's clock, if it is known.
    pub time_zone: Option<TimeZone>,
    /// How the request reached us.
    pub evidence: Evidence,
}

/// Why a signup can't be taken. Nothing that is known of the address's reader is among the reasons: the answer tells nobody who is subscribed.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// A short name that is nobody's.
    #[error("there is no newsletter `{0}`")]
    NoSuchNewsletter(String),
    /// An address that is nobody's for long.
    #[error("addresses at {0} live for a short time only; enter the one that you read every day")]
    Blocked(String),
    /// An address that several people read, on a site that does not take them.
    #[error("this looks like an address that several people read; enter your own")]
    RoleAccount,
    /// A limit is reached: the client's, or that of everybody together.
    #[error("there are too many signups; the next one is taken in {} seconds", .wait.as_secs())]
    TooMany {
        /// When another one is taken.
        wait: SignedDuration,
    },
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes a signup: a pending subscription, the consent event and the confirmation mail with its job, in one transaction. What
/// happens for an address that is known already is decided by [`on_signup`]; the caller can't tell. Nor by the time it takes: the
/// same statements run for every address, and what shall not be is undone within the transaction.
pub async fn subscribe(context: &Context, signup: &Signup) -> Result<(), SubscribeError> {
    if !is_slug(&signup.newsletter) {
        return Err(SubscribeError::NoSuchNewsletter(signup.newsletter.clone()));
    }
    let now = context.clock.now();
    let domain = signup.address.domain();
    if context.blocked_domains.contains(domain, now) {
        return Err(SubscribeError::Blocked(domain.to_owned()));
    }
    if !context.allow_role_accounts && is_role_account(&signup.address) {
        return Err(SubscribeError::RoleAccount);
    }
    let limits = context.signup_limits;
    let mut tx = context.db.begin().await?;
    let newsletter = newsletters::by_slug(&mut tx, &signup.newsletter)
        .await?
        .ok_or_else(|| SubscribeError::NoSuchNewsletter(signup.newsletter.clone()))?;
    let client =
        signup.evidence.client_address.as_deref().and_then(|text| client_network(text.parse().ok()?));
    if let (Some(limit), Some(client)) = (limits.client, client) {
        let name = context.keys.fingerprint(&format!("client {client}"));
        count_in(&mut tx, &name, limit, now).await?;
    }
    let subscriber = subscriptions::subscriber(&mut tx, &signup.address, now).await?;
    let subscription = subscriptions::subscription(&mut tx, subscriber, newsletter.id, now).await?;
    let suppressed = suppressions::reason(&mut tx, &signup.address).await?.is_some();
    let since_last_mail = subscription.signup_mailed_at.map(|at| now.duration_since(at.0));
    let outcome = on_signup(Some(subscription.status), suppressed, since_last_mail);

    // What is undone is not written down either: a form that is sent over and over must not fill the ledger.
    tx.attempt().await?;
    let name = context.keys.fingerprint(&format!("address {}", signup.address.key()));
    let may_mail = match limits.address {
        Some(limit) => signup_limits::take(&mut tx, &name, limit, now).await?,
        None => true,
    };
    let wanted = if may_mail { outcome } else { SignupOutcome::SendNothing };
    let confirms = wanted == SignupOutcome::SendConfirmation;
    tx.attempt().await?;
    subscriptions::set_requested(&mut tx, subscription.id, now).await?;
    if let Some(zone) = &signup.time_zone {
        subscriptions::set_zone_at_signup(&mut tx, subscription.id, zone).await?;
    }
    let expires_at = expiry(now, context.confirmation_days);
    let confirmation = subscriptions::insert_confirmation(&mut tx, subscription.id, now, expires_at).await?;
    tx.end_attempt(confirms).await?;
    let event = ConsentEvent::Requested;
    subscriptions::record_consent(&mut tx, subscription.id, event, signup.method, &signup.evidence, now)
        .await?;
    subscriptions::set_signup_mailed(&mut tx, subscription.id, now).await?;
    let mail = mails::NewMail {
        kind: if confirms { MailKind::Confirmation } else { MailKind::AlreadySubscribed },
        newsletter: newsletter.id,
        recipient: &signup.address,
        subscription: Some(subscription.id),
        confirmation: confirms.then_some(confirmation),
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let mail = mails::insert(&mut tx, &mail, now).await?;
    context.queue.enqueue(&mut tx, &Job::SendMail { mail }).await?;
    tx.end_attempt(wanted != SignupOutcome::SendNothing).await?;

    // Last, for every other signup waits for this row.
    if let Some(limit) = limits.overall {
        let (part, limit) = overall_part(limit, &name);
        count_in(&mut tx, &format!("overall {part}"), limit, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Counts a signup in, or says when another one is taken.
async fn count_in(tx: &mut Tx, name: &str, limit: Limit, now: Timestamp) -> Result<(), SubscribeError> {
    if signup_limits::take(tx, name, limit, now).await? {
        return Ok(());
    }
    Err(SubscribeError::TooMany { wait: signup_limits::wait(tx, name, limit, now).await? })
}

fn expiry(now: Timestamp, days: u32) -> Timestamp {
    now + SignedDuration::from_hours(24 * i64::from(days))
}
