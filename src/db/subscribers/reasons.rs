//! Table `leaving_reasons`: why readers left, if they said so.

use crate::{
    db::{DbError, Stamp, Tx, on},
    domain::{
        ids::{NewsletterId, SubscriptionId},
        subscriber::consent::LeavingReason,
    },
};
use jiff::Timestamp;

/// How many readers left for a reason.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ReasonCount {
    /// The reason.
    #[sqlx(try_from = "String")]
    pub reason: LeavingReason,
    /// How many.
    pub readers: i64,
}

/// What a reader who left wrote.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Remark {
    /// When the reader left.
    pub left_at: Stamp,
    /// Why.
    #[sqlx(try_from = "String")]
    pub reason: LeavingReason,
    /// In the reader's words.
    pub remark: String,
}

/// Keeps why a reader left, in place of what they said before about the same leaving. `false`: the reader has not left.
pub async fn set_reason(
    tx: &mut Tx,
    id: SubscriptionId,
    reason: LeavingReason,
    remark: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    on!(tx, |conn| {
        sqlx::query(
            "INSERT INTO leaving_reasons (subscription_id, left_at, reason, remark, given_at) \
             SELECT id, ended_at, $2, $3, $4 FROM subscriptions \
             WHERE id = $1 AND status = 'unsubscribed' AND ended_at IS NOT NULL \
             ON CONFLICT (subscription_id, left_at) DO UPDATE SET reason = excluded.reason, remark = excluded.remark, \
             given_at = excluded.given_at",
        )
        .bind(id.0)
        .bind(reason.as_str())
        .bind(remark)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1)
    })
}

/// How many readers of a newsletter, or of all, left since a moment for each reason they named; the most frequent first.
pub async fn count_reasons(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    since: Timestamp,
) -> Result<Vec<ReasonCount>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT l.reason, count(*) AS readers FROM leaving_reasons l \
             JOIN subscriptions s ON s.id = l.subscription_id WHERE l.left_at >= $1 AND s.newsletter_id = COALESCE($2, s.newsletter_id) \
             GROUP BY l.reason ORDER BY readers DESC, l.reason",
        )
        .bind(Stamp(since))
        .bind(newsletter.map(|it| it.0))
        .fetch_all(conn)
        .await
    })
}

/// What readers who left since a moment wrote, latest first.
pub async fn remarks(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Remark>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT l.left_at, l.reason, l.remark FROM leaving_reasons l JOIN subscriptions s ON s.id = l.subscription_id \
             WHERE l.left_at >= $1 AND s.newsletter_id = COALESCE($2, s.newsletter_id) AND l.remark IS NOT NULL \
             ORDER BY l.left_at DESC, l.subscription_id LIMIT $3",
        )
        .bind(Stamp(since))
        .bind(newsletter.map(|it| it.0))
        .bind(limit)
        .fetch_all(conn)
        .await
    })
}

/// What [`count_left`] asks.
pub const COUNT_LEFT: &str = "SELECT count(*) FROM subscriptions WHERE status = 'unsubscribed' AND ended_at >= $1 \
     AND newsletter_id = COALESCE($2, newsletter_id)";

/// How many subscriptions of a newsletter, or of all, ended since a moment at their readers' wish, and are still ended.
pub async fn count_left(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    since: Timestamp,
) -> Result<i64, DbError> {
    on!(tx, |conn| sqlx::query_scalar(COUNT_LEFT)
        .bind(Stamp(since))
        .bind(newsletter.map(|it| it.0))
        .fetch_one(conn)
        .await)
}

/// Erases what a reader wrote on leaving. The reasons, which are a choice among few, stay.
pub async fn erase_remarks(tx: &mut Tx, subscription: SubscriptionId) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE leaving_reasons SET remark = NULL WHERE subscription_id = $1")
        .bind(subscription.0)
        .execute(conn)
        .await
        .map(drop))
}
