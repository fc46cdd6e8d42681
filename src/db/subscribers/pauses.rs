//! Pauses: readers who get no issues until a day.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::ids::{NewsletterId, SubscriptionId},
};
use jiff::{Timestamp, civil::Date};

/// A subscription whose pause has just ended.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Resumed {
    pub newsletter_id: NewsletterId,
    pub clock: String,
}

/// Pauses a subscription until a day, or changes the end of its pause. Returns `false` if it is neither
/// active nor paused.
pub async fn pause(
    tx: &mut Tx,
    id: SubscriptionId,
    until: Date,
    resumes_at: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = 'paused', paused_until = $2, resumes_at = $3 WHERE id = $1 \
         AND status IN ('active', 'paused')",
        id,
        DbDate(until),
        DbTime(resumes_at)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Ends a pause. Returns `false` if there is none.
pub async fn resume(tx: &mut Tx, id: SubscriptionId) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = 'active', paused_until = NULL, resumes_at = NULL WHERE id = $1 \
         AND status = 'paused'",
        id
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Ends pauses that are over, at most `limit`. The condition is checked again on locked rows, so a
/// pause that its reader prolongs at the same time goes on.
pub async fn resume_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Resumed>, DbError> {
    query_as!(
        tx,
        "UPDATE subscriptions SET status = 'active', paused_until = NULL, resumes_at = NULL \
         WHERE status = 'paused' AND resumes_at <= $1 AND id IN (SELECT id FROM subscriptions \
         WHERE status = 'paused' AND resumes_at <= $1 ORDER BY resumes_at LIMIT $2) \
         RETURNING newsletter_id, clock",
        DbTime(now),
        limit
    )
    .fetch_all()
    .await
}

/// Returns the pauses of a newsletter's readers that have an end, each day and time zone once.
pub async fn pauses_for(
    tx: &mut Tx,
    newsletter: NewsletterId,
) -> Result<Vec<(DbDate, Option<String>)>, DbError> {
    query_as!(
        tx,
        "SELECT DISTINCT paused_until, time_zone FROM subscriptions WHERE status = 'paused' \
         AND newsletter_id = $1 AND paused_until IS NOT NULL",
        newsletter
    )
    .fetch_all()
    .await
}

/// Changes when pauses until a day end, for a newsletter's readers in one time zone.
pub async fn move_pauses(
    tx: &mut Tx,
    newsletter: NewsletterId,
    (until, zone): (DbDate, Option<&str>),
    resumes_at: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET resumes_at = $4 WHERE status = 'paused' AND newsletter_id = $1 \
         AND paused_until = $2 AND COALESCE(time_zone, '') = $3",
        newsletter,
        until,
        zone.unwrap_or_default(),
        DbTime(resumes_at)
    )
    .execute()
    .await
}

/// Returns whether a pause of a newsletter's readers ends by the issue of a date.
pub async fn any_resume_with(tx: &mut Tx, newsletter: NewsletterId, date: Date) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM subscriptions WHERE status = 'paused' AND newsletter_id = $1 \
         AND paused_until <= $2)",
        newsletter,
        DbDate(date)
    )
    .fetch_one()
    .await
}

/// Ends the pauses of a newsletter's readers who want the issue of this date, in whatever time zone. Returns
/// their number.
pub async fn resume_with(tx: &mut Tx, newsletter: NewsletterId, date: Date) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = 'active', paused_until = NULL, resumes_at = NULL \
         WHERE status = 'paused' AND newsletter_id = $1 AND paused_until <= $2",
        newsletter,
        DbDate(date)
    )
    .rows_affected()
    .await
}
