//! What readers chose.

use super::SubscriptionRecord;
use crate::{
    db::{DbError, Tx, on},
    domain::{
        ids::SubscriptionId,
        newsletter::{parse_send_time, parse_time_zone, time_zone_name},
        preferences::Preferences,
    },
};
use jiff::{civil::Date, tz::TimeZone};

impl SubscriptionRecord {
    /// What the reader chose. A zone that this machine does not know (any more) counts as none.
    pub fn preferences(&self) -> Preferences {
        Preferences {
            cadence: self.cadence,
            sections: self.sections.clone(),
            time_zone: self.time_zone.as_deref().and_then(|zone| parse_time_zone(zone).ok()),
            send_time: self.send_time.as_deref().and_then(|time| parse_send_time(time).ok()),
        }
    }

    /// The date of the first issue after a pause, if there is one.
    pub fn paused_until(&self) -> Option<Date> {
        // Only `pause` writes the column, from a `Date`.
        self.paused_until.as_deref().and_then(|date| date.parse().ok())
    }
}

/// Keeps what a reader chose. `false`: there is nothing to choose, for the subscription is neither active nor paused.
pub async fn set_preferences(
    tx: &mut Tx,
    id: SubscriptionId,
    preferences: &Preferences,
) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE subscriptions SET cadence = $2, sections = $3, time_zone = $4, send_time = $5 \
         WHERE id = $1 AND status IN ('active', 'paused')"
    )
    .bind(id.0)
    .bind(preferences.cadence.as_str())
    .bind(preferences.sections.to_string())
    .bind(preferences.time_zone_name())
    .bind(preferences.send_time_text())
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1))
}

/// Keeps the zone that a signup came from, unless the reader has one already.
pub async fn set_zone_at_signup(tx: &mut Tx, id: SubscriptionId, zone: &TimeZone) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE subscriptions SET time_zone = $2 WHERE id = $1 AND status = 'pending' AND time_zone IS NULL"
    )
    .bind(id.0)
    .bind(time_zone_name(zone))
    .execute(conn)
    .await
    .map(drop))
}
