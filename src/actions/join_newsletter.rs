//! A reader of one newsletter takes another one, from the page of preferences: the link to it came to their address by mail, and so
//! proves it.

use super::{Context, mail_reader, set_preferences::follow_clock};
use crate::{
    db::{
        DbError, mails, newsletters,
        subscriptions::{self, Evidence},
        suppressions,
    },
    domain::{
        consent::ConsentEvent,
        email_address::EmailAddress,
        ids::SubscriptionId,
        mail::MailKind,
        subscription::{SubscriptionStatus, WELCOME_INTERVAL},
    },
};

/// Whether a reader gets a newsletter now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// They do: from now on, or since before.
    Joined,
    /// There is no such newsletter, or the reader has left the one whose link they used.
    NoSuchNewsletter,
    /// The address must not be mailed, or its reader reported this newsletter as unwanted.
    Refused,
}

/// Subscribes the reader of `via` to another newsletter at once, on their own clock and in their language.
pub async fn join_newsletter(
    context: &Context,
    via: SubscriptionId,
    slug: &str,
    evidence: &Evidence,
) -> Result<Joining, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
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
    subscriptions::join(&mut tx, found.id, via, now).await?;
    subscriptions::record_consent(&mut tx, found.id, ConsentEvent::Confirmed, "preferences", evidence, now)
        .await?;
    let joined = subscriptions::get(&mut tx, found.id).await?.ok_or(DbError::RowNotFound)?;
    if context.welcome_mail && !mails::welcomed(&mut tx, found.id, now - WELCOME_INTERVAL).await? {
        mail_reader(&context.queue, &mut tx, MailKind::Welcome, &newsletter, &joined, now).await?;
    }
    follow_clock(&mut tx, &newsletter, &joined, now).await?;
    tx.commit().await?;
    Ok(Joining::Joined)
}
