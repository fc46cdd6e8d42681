//! Unsubscribing, many readers at a time.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
        subscribers::{SubscriptionRecord, select_subscription},
    },
    domain::ids::{SubscriberId, SubscriptionId},
};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// Ends a subscription because its reader unsubscribed. Returns `false` if it had ended already.
pub async fn end(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<bool, DbError> {
    Ok(end_all(tx, &[id], now).await?.contains(&id))
}

/// Ends subscriptions because their readers unsubscribed. Returns those that had not ended already. The pause
/// between signup emails begins anew, so that a reader who unsubscribed by mistake gets a new confirmation at
/// once.
pub async fn end_all(
    tx: &mut Tx,
    ids: &[SubscriptionId],
    now: Timestamp,
) -> Result<HashSet<SubscriptionId>, DbError> {
    let ended: Vec<SubscriptionId> = query_scalar!(
        tx,
        "UPDATE subscriptions SET status = 'unsubscribed', ended_at = $2, signup_mailed_at = NULL, \
         paused_until = NULL, resumes_at = NULL WHERE status NOT IN ('unsubscribed', 'complained') \
         AND id {in $1} RETURNING id",
        DbList(ids),
        DbTime(now)
    )
    .fetch_all()
    .await?;
    Ok(ended.into_iter().collect())
}

/// Restores a subscription whose reader takes the unsubscribe back. Returns `false` if it has not ended that way.
pub async fn restore_ended(tx: &mut Tx, id: SubscriptionId) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = 'active', ended_at = NULL WHERE id = $1 \
         AND status = 'unsubscribed' AND erased_at IS NULL",
        id
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Ends all subscriptions of a reader who reported an email as spam. Returns those that had not ended for good.
pub async fn end_complained(
    tx: &mut Tx,
    reader: SubscriberId,
    now: Timestamp,
) -> Result<Vec<SubscriptionId>, DbError> {
    query_scalar!(
        tx,
        "UPDATE subscriptions SET status = 'complained', ended_at = $2, signup_mailed_at = NULL, \
         paused_until = NULL, resumes_at = NULL WHERE status <> 'complained' AND subscriber_id = $1 \
         RETURNING id",
        reader,
        DbTime(now)
    )
    .fetch_all()
    .await
}

/// Marks an unconfirmed signup as undeliverable, because its confirmation bounced.
pub async fn end_unconfirmed(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = 'undeliverable', ended_at = $2 WHERE id = $1 AND status = 'pending'",
        id,
        DbTime(now)
    )
    .execute()
    .await
}

/// Returns the subscriptions with these ids.
pub async fn get_all(
    tx: &mut Tx,
    ids: &[SubscriptionId],
) -> Result<HashMap<SubscriptionId, SubscriptionRecord>, DbError> {
    let found: Vec<SubscriptionRecord> =
        query_as!(tx, select_subscription!("WHERE s.id {in $1}"), DbList(ids)).fetch_all().await?;
    Ok(found.into_iter().map(|record| (record.id, record)).collect())
}
