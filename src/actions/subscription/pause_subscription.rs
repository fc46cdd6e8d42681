//! A reader pauses or resumes a subscription.

use crate::{
    actions::{Context, subscription::set_preferences::follow_clock},
    db::{DbError, deliveries, newsletters, subscribers},
    domain::{ids::SubscriptionId, subscriber::pause},
};
use jiff::civil::Date;

/// Pauses a subscription until the issue of a date, when it resumes automatically. No delivery starts from
/// now on. That includes the issue being sent, even if the pause ends before the reader's copy is due.
/// `false` if the subscription is neither active nor paused.
pub async fn pause_subscription(context: &Context, id: SubscriptionId, until: Date) -> Result<bool, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if let Some(it) = subscribers::of_link(&mut tx, id).await? {
        // Locks open deliveries before the subscription, in the same order as a change of address.
        subscribers::lock_readers(&mut tx, &[it.subscriber_id]).await?;
    }
    let Some(subscription) = subscribers::of_link(&mut tx, id).await? else { return Ok(false) };
    let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
    let own = subscription.preferences().time_zone;
    let zone = pause::effective_zone(&newsletter.newsletter, own.as_ref());
    let (id, reader) = (subscription.id, subscription.subscriber_id);
    let paused = subscribers::pause(&mut tx, id, until, pause::resumes_at(until, zone)).await?;
    if paused {
        deliveries::skip_paused(&mut tx, id, reader, until, now).await?;
    }
    tx.commit().await?;
    Ok(paused)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeOutcome {
    Resumed,
    NotPaused,
    /// The reader has unsubscribed meanwhile.
    Unsubscribed,
}

/// Ends a pause.
pub async fn resume_subscription(context: &Context, id: SubscriptionId) -> Result<ResumeOutcome, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let resumed = subscribers::resume(&mut tx, id).await?;
    let subscription = subscribers::of_link(&mut tx, id).await?;
    let Some(subscription) = subscription.filter(|it| it.status.is_confirmed()) else {
        return Ok(ResumeOutcome::Unsubscribed);
    };
    if !resumed {
        return Ok(ResumeOutcome::NotPaused);
    }
    let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
    follow_clock(&mut tx, &newsletter, &subscription, now).await?;
    tx.commit().await?;
    Ok(ResumeOutcome::Resumed)
}
