//! A reader takes a break, or ends it.

use crate::{
    actions::{Context, subscription::set_preferences::follow_clock},
    db::{DbError, deliveries, newsletters, subscribers},
    domain::{ids::SubscriptionId, subscriber::pause},
};
use jiff::civil::Date;

/// Pauses a subscription until the issue of a date. Nothing of it is begun from now on, of an issue that goes out just now either,
/// not even if the pause is over before the reader's copy is due; when the date comes it goes on by itself. `false`: there is no such
/// subscription, or it is neither active nor paused.
pub async fn pause_subscription(context: &Context, id: SubscriptionId, until: Date) -> Result<bool, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if let Some(it) = subscribers::for_link(&mut tx, id).await? {
        // Open deliveries are locked before the subscription, as when a reader moves.
        subscribers::lock_readers(&mut tx, &[it.subscriber_id]).await?;
    }
    let Some(subscription) = subscribers::for_link(&mut tx, id).await? else { return Ok(false) };
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

/// What became of ending a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resuming {
    /// The next issue comes.
    Resumed,
    /// There was no pause.
    NotPaused,
    /// The reader is not subscribed any more.
    Gone,
}

/// Ends a pause.
pub async fn resume_subscription(context: &Context, id: SubscriptionId) -> Result<Resuming, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let resumed = subscribers::resume(&mut tx, id).await?;
    let subscription = subscribers::for_link(&mut tx, id).await?;
    let Some(subscription) = subscription.filter(|it| it.status.is_confirmed()) else {
        return Ok(Resuming::Gone);
    };
    if !resumed {
        return Ok(Resuming::NotPaused);
    }
    let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
    follow_clock(&mut tx, &newsletter, &subscription, now).await?;
    tx.commit().await?;
    Ok(Resuming::Resumed)
}
