//! A reader of one newsletter subscribes to another one on the preferences page. The page's link came by
//! email, which proves the address. Forwarded emails contain the link too, so each new subscription is
//! announced by an email with an unsubscribe link.

use crate::{
    actions::{
        enqueue_email, rate_limiter, subscription::context::SubscriptionContext,
        subscription::set_preferences::follow_clock,
    },
    db::{
        DbError,
        deliveries::emails,
        newsletters,
        subscribers::{self, Evidence, NewEntry},
        suppressions,
    },
    domain::{
        delivery::email::EmailKind,
        ids::SubscriptionId,
        join_wording::join_wording,
        subscriber::{
            consent::ConsentEvent,
            request::JOIN_LIMIT,
            subscription::{SubscriptionStatus, WELCOME_INTERVAL},
        },
    },
};
use jiff::SignedDuration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinOutcome {
    /// The reader is subscribed, now or before.
    Joined,
    /// There is no such newsletter, or the reader has unsubscribed from the newsletter of the link.
    NoSuchNewsletter,
    /// The address is suppressed, or its reader reported this newsletter as spam.
    Refused,
    /// A rate limit was reached. The next request is accepted after this time. Unsubscribing has no limit.
    TooMany(SignedDuration),
}

/// Subscribes the reader of `via` to another newsletter at once, with their time zone and language. The
/// ledger gets the consent wording in `language`, that of the page.
pub async fn join_newsletter(
    context: &SubscriptionContext,
    via: SubscriptionId,
    slug: &str,
    language: &str,
    evidence: &Evidence,
) -> Result<JoinOutcome, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if let Some(own) = subscribers::for_link(&mut tx, via).await? {
        // Locks the reader and reads again, because a change of address may run at the same time.
        subscribers::lock_readers(&mut tx, &[own.subscriber_id]).await?;
    }
    let (Some(own), Some(newsletter)) =
        (subscribers::for_link(&mut tx, via).await?, newsletters::get_by_slug(&mut tx, slug).await?)
    else {
        return Ok(JoinOutcome::NoSuchNewsletter);
    };
    if !own.status.is_confirmed() {
        return Ok(JoinOutcome::NoSuchNewsletter);
    }
    if suppressions::reason(&mut tx, &own.address).await?.is_some() {
        return Ok(JoinOutcome::Refused);
    }
    let found = subscribers::subscription(&mut tx, own.subscriber_id, newsletter.id, now).await?;
    if found.status.is_confirmed() {
        return Ok(JoinOutcome::Joined);
    }
    if matches!(found.status, SubscriptionStatus::Complained | SubscriptionStatus::Undeliverable) {
        return Ok(JoinOutcome::Refused);
    }
    let name = format!("join {}", own.subscriber_id);
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &name, JOIN_LIMIT, now).await? {
        return Ok(JoinOutcome::TooMany(wait));
    }
    subscribers::join(&mut tx, found.id, via, now).await?;
    let wording = join_wording(Some(language));
    let entry = NewEntry {
        subscription: found.id,
        address: own.address.as_str(),
        occurred_at: now,
        method: subscribers::BY_PREFERENCES,
        evidence,
        confirmation: None,
        wording: Some((wording.text, wording.version)),
    };
    subscribers::record_consents(&mut tx, ConsentEvent::Confirmed, &[entry]).await?;
    let joined = subscribers::get(&mut tx, found.id).await?.ok_or(DbError::RowNotFound)?;
    // Sent even if welcome emails are off, because the email alerts a reader who didn't subscribe. Once a day is
    // enough, because anyone with an old email can join and leave over and over.
    if !emails::said_welcome(&mut tx, found.id, now - WELCOME_INTERVAL).await? {
        enqueue_email(&context.queue, &mut tx, EmailKind::Welcome, &newsletter, &joined, now).await?;
    }
    follow_clock(&mut tx, &newsletter, &joined, now).await?;
    tx.commit().await?;
    Ok(JoinOutcome::Joined)
}
