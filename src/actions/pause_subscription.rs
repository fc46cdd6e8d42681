//! A reader takes a break, or ends it.

use super::{Context, set_preferences::follow_clock};
use crate::{
    db::{DbError, newsletters, subscriptions},
    domain::{ids::SubscriptionId, pause},
};
use jiff::civil::Date;

/// Pauses a subscription until the issue of a date. Nothing of it is begun from now on, of an issue that goes out just now either;
/// when the date comes it goes on by itself. `false`: there is no such subscription, or it is neither active nor paused.
pub async fn pause_subscription(context: &Context, id: SubscriptionId, until: Date) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let Some(subscription) = subscriptions::get(&mut tx, id).await? else { return Ok(false) };
    let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
    let own = subscription.preferences().time_zone;
    let zone = pause::zone_of(&newsletter.newsletter, own.as_ref());
    let paused = subscriptions::pause(&mut tx, id, until, pause::resumes_at(until, zone)).await?;
    tx.commit().await?;
    Ok(paused)
}

/// Ends a pause: the next issue comes. `false`: there was none.
pub async fn resume_subscription(context: &Context, id: SubscriptionId) -> Result<bool, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if !subscriptions::resume(&mut tx, id).await? {
        return Ok(false);
    }
    if let Some(subscription) = subscriptions::get(&mut tx, id).await? {
        let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
        follow_clock(&mut tx, &newsletter, &subscription, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}
