//! Table `unsubscribe_reasons`: the reasons readers gave for unsubscribing.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        ids::{NewsletterId, SubscriptionId},
        subscriber::consent::UnsubscribeReason,
    },
};
use jiff::Timestamp;

/// How many readers gave a reason.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ReasonCount {
    pub reason: UnsubscribeReason,
    pub readers: i64,
}

/// A reader's own words.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Remark {
    pub left_at: DbTime,
    pub reason: UnsubscribeReason,
    pub remark: String,
}

/// Saves the reason for the last unsubscribe, in place of an earlier answer. Returns `false` if the reader
/// has not unsubscribed.
pub async fn set_reason(
    tx: &mut Tx,
    id: SubscriptionId,
    reason: UnsubscribeReason,
    remark: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "INSERT INTO unsubscribe_reasons (subscription_id, left_at, reason, remark, given_at) \
         SELECT id, ended_at, $2, $3, $4 FROM subscriptions WHERE id = $1 AND status = 'unsubscribed' \
         AND ended_at IS NOT NULL ON CONFLICT (subscription_id, left_at) DO UPDATE \
         SET reason = excluded.reason, remark = excluded.remark, given_at = excluded.given_at",
        id,
        reason,
        remark,
        DbTime(now)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Counts the reasons given since a time, for one newsletter or all, most frequent first.
pub async fn count_reasons(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    since: Timestamp,
) -> Result<Vec<ReasonCount>, DbError> {
    query_as!(
        tx,
        "SELECT l.reason, count(*) AS readers FROM unsubscribe_reasons l \
         JOIN subscriptions s ON s.id = l.subscription_id WHERE l.left_at >= $1 \
         AND s.newsletter_id = COALESCE($2, s.newsletter_id) GROUP BY l.reason \
         ORDER BY readers DESC, l.reason",
        DbTime(since),
        newsletter
    )
    .fetch_all()
    .await
}

/// Returns readers' own words since a time, latest first.
pub async fn remarks(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Remark>, DbError> {
    query_as!(
        tx,
        "SELECT l.left_at, l.reason, l.remark FROM unsubscribe_reasons l \
         JOIN subscriptions s ON s.id = l.subscription_id WHERE l.left_at >= $1 \
         AND s.newsletter_id = COALESCE($2, s.newsletter_id) AND l.remark IS NOT NULL \
         ORDER BY l.left_at DESC, l.subscription_id LIMIT $3",
        DbTime(since),
        newsletter,
        limit
    )
    .fetch_all()
    .await
}

/// The query of [`count_left`].
pub const COUNT_LEFT: &str = "SELECT count(*) FROM subscriptions WHERE status = 'unsubscribed' AND ended_at \
    >= $1 AND newsletter_id = COALESCE($2, newsletter_id)";

/// Counts subscriptions that were unsubscribed since a time and still are, for one newsletter or all.
pub async fn count_left(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    since: Timestamp,
) -> Result<i64, DbError> {
    query_scalar!(tx, COUNT_LEFT, DbTime(since), newsletter.map(|it| it.0)).fetch_one().await
}

/// Erases a reader's own words. The reasons, which are a choice among few, stay.
pub async fn erase_remarks(tx: &mut Tx, subscription: SubscriptionId) -> Result<(), DbError> {
    query!(tx, "UPDATE unsubscribe_reasons SET remark = NULL WHERE subscription_id = $1", subscription)
        .execute()
        .await
}
