//! The preferences that readers chose.

use crate::{
    db::{DbError, DbTime, Tx, engine::query::query, subscribers::SubscriptionRecord, suppressions},
    domain::{
        ids::{SubscriberId, SubscriptionId},
        newsletter::{parse_send_time, parse_time_zone},
        subscriber::preferences::Preferences,
    },
};
use jiff::Timestamp;

impl SubscriptionRecord {
    /// Returns the reader's preferences. A time zone that this machine doesn't know counts as none.
    pub fn preferences(&self) -> Preferences {
        Preferences {
            cadence: self.cadence,
            sections: self.sections.clone(),
            time_zone: self.time_zone.as_deref().and_then(|zone| parse_time_zone(zone).ok()),
            send_time: self.send_time.as_deref().and_then(|time| parse_send_time(time).ok()),
        }
    }
}

/// Saves a reader's preferences. Returns `false` if the subscription is neither active nor paused.
pub async fn set_preferences(
    tx: &mut Tx,
    id: SubscriptionId,
    preferences: &Preferences,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET cadence = $2, sections = $3, time_zone = $4, send_time = $5 WHERE id = $1 \
         AND status IN ('active', 'paused')",
        id,
        preferences.cadence,
        &preferences.sections,
        preferences.time_zone_name(),
        preferences.send_time_text()
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Activates a subscription that a reader chose on the page of another one, with that one's clock and
/// language unless it has its own. The caller has locked its row, which is neither active nor paused.
pub async fn join(
    tx: &mut Tx,
    id: SubscriptionId,
    via: SubscriptionId,
    now: Timestamp,
) -> Result<(), DbError> {
    // An earlier unsubscribe elsewhere no longer counts.
    suppressions::lift(tx, id).await?;
    query!(
        tx,
        "UPDATE subscriptions SET status = 'active', requested_at = $3, confirmed_at = $3, ended_at = NULL, \
         erased_at = NULL, signup_mailed_at = NULL, paused_until = NULL, resumes_at = NULL, time_zone = \
         COALESCE(time_zone, (SELECT v.time_zone FROM subscriptions v \
         WHERE v.id = $2)), language = COALESCE(language, (SELECT v.language FROM subscriptions v \
         WHERE v.id = $2)) WHERE id = $1",
        id,
        via,
        DbTime(now)
    )
    .execute()
    .await
}

/// Saves a reader's language for all of their subscriptions.
pub async fn set_language(tx: &mut Tx, reader: SubscriberId, language: &str) -> Result<(), DbError> {
    query!(tx, "UPDATE subscriptions SET language = $2 WHERE subscriber_id = $1", reader, language)
        .execute()
        .await
}
