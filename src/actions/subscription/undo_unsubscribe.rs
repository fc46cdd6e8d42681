//! A reader takes back an unsubscribe within the hour, on the page that confirmed it.
//!
//! The page's link came by email, so only somebody who has the email can press the button. Later, or after a
//! complaint, a new signup is needed.

use crate::{
    actions::subscription::{context::SubscriptionContext, set_preferences::follow_clock},
    db::{
        DbError, newsletters,
        subscribers::{self, Evidence, SubscriptionRecord},
        suppressions,
    },
    domain::{
        ids::SubscriptionId,
        subscriber::{consent::ConsentEvent, subscription::SubscriptionStatus},
        token::Purpose,
    },
};
use jiff::{SignedDuration, Timestamp};

/// How long after unsubscribing the button works.
const UNDO_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Whether an unsubscribe can still be taken back.
pub(crate) fn can_undo(it: &SubscriptionRecord, now: Timestamp) -> bool {
    it.status == SubscriptionStatus::Unsubscribed
        && it.confirmed_at.is_some()
        && it.ended_at.is_some_and(|ended| now.duration_since(ended.0) <= UNDO_WITHIN)
}

/// Restores a subscription that ended within the hour, and records it. `false` if it did not.
pub async fn undo_unsubscribe(
    context: &SubscriptionContext,
    token: &str,
    evidence: &Evidence,
) -> Result<bool, DbError> {
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token).map(SubscriptionId) else {
        return Ok(false);
    };
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(own) = subscribers::for_link(&mut tx, id).await? else { return Ok(false) };
    // Locks the reader and reads again, because a complaint may come in at the same time.
    subscribers::lock_readers(&mut tx, &[own.subscriber_id]).await?;
    let Some(own) = subscribers::for_link(&mut tx, id).await? else { return Ok(false) };
    if !can_undo(&own, now) || suppressions::reason(&mut tx, &own.address).await?.is_some() {
        return Ok(false);
    }
    if !subscribers::restore_ended(&mut tx, own.id).await? {
        return Ok(false);
    }
    subscribers::record_consent(&mut tx, own.id, ConsentEvent::Confirmed, "undo", evidence, now).await?;
    let newsletter = newsletters::get(&mut tx, own.newsletter_id).await?;
    follow_clock(&mut tx, &newsletter, &own, now).await?;
    tx.commit().await?;
    Ok(true)
}
