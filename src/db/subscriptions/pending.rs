//! Subscriptions that nobody has confirmed: reminding their readers once, and erasing them.

use super::erase_evidence;
use crate::{
    db::{DbError, Stamp, Tx, on},
    domain::ids::SubscriptionId,
};
use jiff::Timestamp;

/// Pending subscriptions whose reader was mailed, and not yet reminded, asked for between two moments; oldest first.
pub async fn to_remind(
    tx: &mut Tx,
    after: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<SubscriptionId>, DbError> {
    let ids: Vec<i64> = on!(tx, |conn| {
        sqlx::query_scalar(
            "SELECT id FROM subscriptions WHERE status = 'pending' AND confirmed_at IS NULL AND reminded_at IS NULL \
             AND signup_mailed_at IS NOT NULL AND requested_at > $1 AND requested_at <= $2 \
             ORDER BY requested_at, id LIMIT $3",
        )
        .bind(Stamp(after))
        .bind(Stamp(until))
        .bind(limit)
        .fetch_all(conn)
        .await?
    });
    Ok(ids.into_iter().map(SubscriptionId).collect())
}

/// Marks a pending subscription as reminded. `false`: it was before, or is no longer pending.
pub async fn set_reminded(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<bool, DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE subscriptions SET reminded_at = $2 WHERE id = $1 AND status = 'pending' AND reminded_at IS NULL"
    )
    .bind(id.0)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
    })
}

/// Erases subscriptions that were asked for until a moment and never confirmed: their confirmations, their mails, what is personal in
/// the ledger's entries, and the address unless it has another subscription. That somebody asked stays in the ledger, which only
/// ever grows. Returns how many were erased.
pub async fn erase_pending(
    tx: &mut Tx,
    until: Timestamp,
    limit: i64,
    now: Timestamp,
) -> Result<usize, DbError> {
    let found: Vec<(i64, i64)> = on!(tx, |conn| {
        sqlx::query_as(
            "SELECT id, subscriber_id FROM subscriptions WHERE status = 'pending' AND confirmed_at IS NULL \
             AND requested_at <= $1 ORDER BY requested_at, id LIMIT $2",
        )
        .bind(Stamp(until))
        .bind(limit)
        .fetch_all(conn)
        .await?
    });
    let mut erased = 0;
    for (subscription, subscriber) in found {
        // A reader who confirms at this moment comes first or finds nothing.
        let ended = on!(tx, |conn| sqlx::query(
            "UPDATE subscriptions SET status = 'unsubscribed', ended_at = $2, signup_mailed_at = NULL, \
             time_zone = NULL, language = NULL WHERE id = $1 AND status = 'pending' AND requested_at <= $3"
        )
        .bind(subscription)
        .bind(Stamp(now))
        .bind(Stamp(until))
        .execute(conn)
        .await?
        .rows_affected());
        if ended == 0 {
            continue;
        }
        erase_evidence(tx, SubscriptionId(subscription)).await?;
        on!(tx, |conn| {
            sqlx::query(
            "DELETE FROM mails WHERE confirmation_id IN (SELECT id FROM confirmations WHERE subscription_id = $1)"
        )
        .bind(subscription)
        .execute(conn)
        .await
        .map(drop)
        })?;
        on!(tx, |conn| sqlx::query("DELETE FROM confirmations WHERE subscription_id = $1")
            .bind(subscription)
            .execute(conn)
            .await
            .map(drop))?;
        on!(tx, |conn| {
            sqlx::query(
            "UPDATE subscribers SET address = 'erased-' || id || '@erased.invalid', \
             address_key = 'erased-' || id || '@erased.invalid', forgotten_at = $2 WHERE id = $1 AND NOT EXISTS (SELECT 1 \
             FROM subscriptions s WHERE s.subscriber_id = $1 AND (s.status <> 'unsubscribed' OR s.confirmed_at IS NOT NULL))"
        )
        .bind(subscriber)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(drop)
        })?;
        erased += 1;
    }
    Ok(erased)
}
