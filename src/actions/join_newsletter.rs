//! A reader of one newsletter takes another one, from the page of preferences: the link to it came to their address by mail. Whoever was
//! handed such a mail holds the link, too; so every joining is answered by a mail that says how to leave.

use super::{Context, mail_reader, rate_limiter, set_preferences::follow_clock};
use crate::{
    db::{
        DbError, newsletters,
        subscriptions::{self, Evidence, NewEntry},
        suppressions,
    },
    domain::{
        consent::ConsentEvent, email_address::EmailAddress, ids::SubscriptionId,
        joining_wording::joining_wording, mail::MailKind, reader_request::JOINING_LIMIT,
        subscription::SubscriptionStatus,
    },
};
use jiff::SignedDuration;

/// Whether a reader gets a newsletter now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// They do: from now on, or since before.
    Joined,
    /// There is no such newsletter, or the reader has left the one whose link they used.
    NoSuchNewsletter,
    /// The address must not be mailed, or its reader reported this newsletter as unwanted.
    Refused,
    /// That was often enough; how long until it is taken again. Leaving is not counted: without joining there is nothing to leave.
    TooMany(SignedDuration),
}

/// Subscribes the reader of `via` to another newsletter at once, on their own clock and in their language. `language` is that of the
/// page, whose promise enters the ledger.
pub async fn join_newsletter(
    context: &Context,
    via: SubscriptionId,
    slug: &str,
    language: &str,
    evidence: &Evidence,
) -> Result<Joining, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if let Some(own) = subscriptions::of_link(&mut tx, via).await? {
        // Locked before it is read again: the reader may move at this moment.
        subscriptions::lock_readers(&mut tx, &[own.subscriber_id]).await?;
    }
    let (Some(own), Some(newsletter)) =
        (subscriptions::of_link(&mut tx, via).await?, newsletters::by_slug(&mut tx, slug).await?)
    else {
        return Ok(Joining::NoSuchNewsletter);
    };
    if !own.status.is_confirmed() {
        return Ok(Joining::NoSuchNewsletter);
    }
    // What is stored was parsed once; rules may have become stricter since.
    let Ok(address) = EmailAddress::parse(&own.address) else { return Ok(Joining::Refused) };
    if suppressions::reason(&mut tx, &address).await?.is_some() {
        return Ok(Joining::Refused);
    }
    let found = subscriptions::subscription(&mut tx, own.subscriber_id, newsletter.id, now).await?;
    if found.status.is_confirmed() {
        return Ok(Joining::Joined);
    }
    if matches!(found.status, SubscriptionStatus::Complained | SubscriptionStatus::Undeliverable) {
        return Ok(Joining::Refused);
    }
    let line = format!("join {}", own.subscriber_id);
    if let Err(wait) = rate_limiter::check(context, &mut tx, &line, JOINING_LIMIT).await? {
        return Ok(Joining::TooMany(wait));
    }
    subscriptions::join(&mut tx, found.id, via, now).await?;
    let wording = joining_wording(Some(language));
    let entry = NewEntry {
        subscription: found.id,
        address: &own.address,
        occurred_at: now,
        method: subscriptions::BY_PREFERENCES,
        evidence,
        confirmation: None,
        wording: Some((wording.text, wording.version)),
    };
    subscriptions::record_consents(&mut tx, ConsentEvent::Confirmed, &[entry]).await?;
    let joined = subscriptions::get(&mut tx, found.id).await?.ok_or(DbError::RowNotFound)?;
    // Whether or not readers are greeted: it is what tells the reader if it was not them.
    mail_reader(&context.queue, &mut tx, MailKind::Welcome, &newsletter, &joined, now).await?;
    follow_clock(&mut tx, &newsletter, &joined, now).await?;
    tx.commit().await?;
    Ok(Joining::Joined)
}
