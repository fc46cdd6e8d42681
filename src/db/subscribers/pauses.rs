//! Pauses: readers who get nothing until a day, and then again.

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
    /// Of which newsletter.
    pub newsletter_id: NewsletterId,
    /// The reader's clock.
    pub clock: String,
}

/// Pauses a subscription until a day, or moves the end of its pause. `false`: it is neither active nor paused.
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

/// Ends a pause. `false`: there is none.
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

/// Ends the pauses whose day has begun, at most so many. One that its reader prolongs at this moment goes on: what is waited for is
/// looked at once more.
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

/// The pauses of a newsletter's readers that have an end, each day and zone once.
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

/// Moves the moment at which pauses until a day end, of a newsletter's readers in a zone.
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

/// Whether a pause of a newsletter's readers ends with the issue of a date.
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

/// Ends the pauses of a newsletter's readers who want the issue of this date, wherever they live. Returns how many.
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
