//! A reader of one newsletter takes another one, from the page of preferences: the link to it came to their address by mail. Whoever was
//! handed such a mail holds the link, too; so every joining is answered by a mail that says how to leave.

use crate::{
    actions::{
        mail_reader, rate_limiter, subscription::context::SubscriptionContext,
        subscription::set_preferences::follow_clock,
    },
    db::{
        DbError, newsletters,
        subscribers::{self, Evidence, NewEntry},
        suppressions,
    },
    domain::{
        delivery::email::EmailKind,
        ids::SubscriptionId,
        join_wording::join_wording,
        subscriber::{consent::ConsentEvent, request::JOIN_LIMIT, subscription::SubscriptionStatus},
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
    context: &SubscriptionContext,
    via: SubscriptionId,
    slug: &str,
    language: &str,
    evidence: &Evidence,
) -> Result<Joining, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if let Some(own) = subscribers::for_link(&mut tx, via).await? {
        // Locked before it is read again: the reader may move at this moment.
        subscribers::lock_readers(&mut tx, &[own.subscriber_id]).await?;
    }
    let (Some(own), Some(newsletter)) =
        (subscribers::for_link(&mut tx, via).await?, newsletters::get_by_slug(&mut tx, slug).await?)
    else {
        return Ok(Joining::NoSuchNewsletter);
    };
    if !own.status.is_confirmed() {
        return Ok(Joining::NoSuchNewsletter);
    }
    if suppressions::reason(&mut tx, &own.address).await?.is_some() {
        return Ok(Joining::Refused);
    }
    let found = subscribers::subscription(&mut tx, own.subscriber_id, newsletter.id, now).await?;
    if found.status.is_confirmed() {
        return Ok(Joining::Joined);
    }
    if matches!(found.status, SubscriptionStatus::Complained | SubscriptionStatus::Undeliverable) {
        return Ok(Joining::Refused);
    }
    let line = format!("join {}", own.subscriber_id);
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &line, JOIN_LIMIT, now).await? {
        return Ok(Joining::TooMany(wait));
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
    // Whether or not readers are greeted: it is what tells the reader if it was not them.
    mail_reader(&context.queue, &mut tx, EmailKind::Welcome, &newsletter, &joined, now).await?;
    follow_clock(&mut tx, &newsletter, &joined, now).await?;
    tx.commit().await?;
    Ok(Joining::Joined)
}
