//! What readers chose.

use super::SubscriptionRecord;
use crate::{
    db::{DbError, Tx, on},
    domain::{
        ids::SubscriptionId,
        newsletter::{parse_send_time, parse_time_zone},
        preferences::Preferences,
    },
};

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
