//! Readers who leave, many at a time.

use crate::{
    db::{DbError, EngineTx, Stamp, Tx, encode, on_rows, subscribers::SubscriptionRecord},
    domain::ids::SubscriptionId,
};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// Ends a subscription at the reader's wish. `false`: it had ended already.
pub async fn end(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<bool, DbError> {
    Ok(end_all(tx, &[id], now).await?.contains(&id))
}

/// Ends subscriptions at their readers' wish. Returns those that had not ended already. The pause between mails that a signup causes
/// begins anew, so that a reader who left by mistake gets a new confirmation at once.
pub async fn end_all(
    tx: &mut Tx,
    ids: &[SubscriptionId],
    now: Timestamp,
) -> Result<HashSet<SubscriptionId>, DbError> {
    let ended: Vec<i64> = on_rows!(
        tx,
        [
            "UPDATE subscriptions SET status = 'unsubscribed', ended_at = $2, signup_mailed_at = NULL, paused_until = NULL, \
             resumes_at = NULL WHERE status NOT IN ('unsubscribed', 'complained') AND id IN \
             (SELECT CAST(value ->> 0 AS BIGINT) FROM"
        ],
        [") RETURNING id"],
        |conn, query| sqlx::query_scalar(query)
            .bind(encode(&listed(ids))?)
            .bind(Stamp(now))
            .fetch_all(conn)
            .await?
    );
    Ok(ended.into_iter().map(SubscriptionId).collect())
}

/// The subscriptions with these rows, by row.
pub async fn get_all(
    tx: &mut Tx,
    ids: &[SubscriptionId],
) -> Result<HashMap<SubscriptionId, SubscriptionRecord>, DbError> {
    let found: Vec<SubscriptionRecord> = on_rows!(
        tx,
        [
            crate::db::subscribers::select_subscription!(""),
            "WHERE s.id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM"
        ],
        [")"],
        |conn, query| sqlx::query_as(query).bind(encode(&listed(ids))?).fetch_all(conn).await?
    );
    Ok(found.into_iter().map(|record| (record.id, record)).collect())
}

/// Locks the rows of subscriptions until the transaction ends, in one order for all, so that of two at once one waits.
pub async fn hold(tx: &mut Tx, ids: &[SubscriptionId]) -> Result<(), DbError> {
    match tx.by_engine() {
        // SQLite has one writer.
        EngineTx::Sqlite(_) => Ok(()),
        EngineTx::Postgres(conn) => {
            let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
            // Keys stay readable: deliveries may be made meanwhile.
            sqlx::query("SELECT id FROM subscriptions WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE")
                .bind(ids)
                .execute(conn)
                .await
                .map(drop)
        }
    }
}

fn listed(ids: &[SubscriptionId]) -> Vec<[i64; 1]> {
    ids.iter().map(|id| [id.0]).collect()
}
