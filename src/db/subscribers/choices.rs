//! What readers chose.

use crate::{
    db::{DbError, Stamp, Tx, on, subscribers::SubscriptionRecord, suppressions},
    domain::{
        ids::{SubscriberId, SubscriptionId},
        newsletter::{parse_send_time, parse_time_zone},
        subscriber::preferences::Preferences,
    },
};
use jiff::{Timestamp, civil::Date};

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

/// Makes a subscription active that the reader of another one asks for, on that one's clock and in its language where it has none of
/// its own. The caller holds its row, which is neither active nor paused.
pub async fn join(
    tx: &mut Tx,
    id: SubscriptionId,
    via: SubscriptionId,
    now: Timestamp,
) -> Result<(), DbError> {
    // That they left it elsewhere is over.
    suppressions::lift(tx, id).await?;
    on!(tx, |conn| {
        sqlx::query(
            "UPDATE subscriptions SET status = 'active', requested_at = $3, confirmed_at = $3, ended_at = NULL, \
             erased_at = NULL, signup_mailed_at = NULL, paused_until = NULL, resumes_at = NULL, \
             time_zone = COALESCE(time_zone, (SELECT v.time_zone FROM subscriptions v WHERE v.id = $2)), \
             language = COALESCE(language, (SELECT v.language FROM subscriptions v WHERE v.id = $2)) WHERE id = $1",
        )
        .bind(id.0)
        .bind(via.0)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(drop)
    })
}

/// Keeps the language a reader reads in, for all of their subscriptions.
pub async fn set_language(tx: &mut Tx, reader: SubscriberId, language: &str) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE subscriptions SET language = $2 WHERE subscriber_id = $1")
        .bind(reader.0)
        .bind(language)
        .execute(conn)
        .await
        .map(drop))
}
