//! A reader signs up.

use super::{Context, message_id};
use crate::{
    db::{
        DbError, mails, newsletters,
        subscriptions::{self, Evidence},
        suppressions,
    },
    domain::{
        consent::ConsentEvent,
        email_address::EmailAddress,
        mail::MailKind,
        newsletter::is_slug,
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
    /// By what means: `form` or `json`.
    pub method: &'static str,
    /// The zone of the reader's clock, if it is known.
    pub time_zone: Option<TimeZone>,
    /// How the request reached us.
    pub evidence: Evidence,
}

/// Why a signup can't be taken. Nothing about the address is among the reasons: the answer tells nobody who is subscribed.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// A short name that is nobody's.
    #[error("there is no newsletter `{0}`")]
    NoSuchNewsletter(String),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes a signup: a pending subscription, the consent event and the confirmation mail with its job, in one transaction. What
/// happens for an address that is known already is decided by [`on_signup`]; the caller can't tell.
pub async fn subscribe(context: &Context, signup: &Signup) -> Result<(), SubscribeError> {
    if !is_slug(&signup.newsletter) {
        return Err(SubscribeError::NoSuchNewsletter(signup.newsletter.clone()));
    }
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let newsletter = newsletters::by_slug(&mut tx, &signup.newsletter)
        .await?
        .ok_or_else(|| SubscribeError::NoSuchNewsletter(signup.newsletter.clone()))?;
    let subscriber = subscriptions::subscriber(&mut tx, &signup.address, now).await?;
    let subscription = subscriptions::subscription(&mut tx, subscriber, newsletter.id, now).await?;
    let suppressed = suppressions::reason(&mut tx, &signup.address).await?.is_some();
    let since_last_mail = subscription.signup_mailed_at.map(|at| now.duration_since(at.0));
    let outcome = on_signup(Some(subscription.status), suppressed, since_last_mail);
    let (kind, confirmation) = match outcome {
        // Nor is it written down again: a form that is sent over and over must not fill the ledger.
        SignupOutcome::SendNothing => {
            tx.commit().await?;
            return Ok(());
        }
        SignupOutcome::SayAlreadySubscribed => (MailKind::AlreadySubscribed, None),
        SignupOutcome::SendConfirmation => {
            subscriptions::set_requested(&mut tx, subscription.id, now).await?;
            if let Some(zone) = &signup.time_zone {
                subscriptions::set_zone_at_signup(&mut tx, subscription.id, zone).await?;
            }
            let expires_at = expiry(now, context.confirmation_days);
            let confirmation =
                subscriptions::insert_confirmation(&mut tx, subscription.id, now, expires_at).await?;
            (MailKind::Confirmation, Some(confirmation))
        }
    };
    subscriptions::record_consent(
        &mut tx,
        subscription.id,
        ConsentEvent::Requested,
        signup.method,
        &signup.evidence,
        now,
    )
    .await?;
    subscriptions::set_signup_mailed(&mut tx, subscription.id, now).await?;
    let mail = mails::NewMail {
        kind,
        newsletter: newsletter.id,
        recipient: &signup.address,
        subscription: Some(subscription.id),
        confirmation,
        issue: None,
        feed: None,
        message_id: &message_id(&newsletter.newsletter),
    };
    let mail = mails::insert(&mut tx, &mail, now).await?;
    context.queue.enqueue(&mut tx, &Job::SendMail { mail }).await?;
    tx.commit().await?;
    Ok(())
}

fn expiry(now: Timestamp, days: u32) -> Timestamp {
    now + SignedDuration::from_hours(24 * i64::from(days))
}
