//! Readers who leave, many at a time.

use crate::{
    db::{
        DbError, Stamp, Tx,
        engine::query::{json_rows, query_as, query_scalar},
        subscribers::SubscriptionRecord,
    },
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
    let ended: Vec<i64> = query_scalar!(
        tx,
        "UPDATE subscriptions SET status = 'unsubscribed', ended_at = $2, signup_mailed_at = NULL, \
         paused_until = NULL, resumes_at = NULL WHERE status NOT IN ('unsubscribed', 'complained') \
         AND id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM {rows $1} ) RETURNING id",
        json_rows(&listed(ids))?,
        Stamp(now)
    )
    .fetch_all()
    .await?;
    Ok(ended.into_iter().map(SubscriptionId).collect())
}

/// The subscriptions with these rows, by row.
pub async fn get_all(
    tx: &mut Tx,
    ids: &[SubscriptionId],
) -> Result<HashMap<SubscriptionId, SubscriptionRecord>, DbError> {
    let found: Vec<SubscriptionRecord> = query_as!(
        tx,
        concat!(
            crate::db::subscribers::select_subscription!(""),
            "WHERE s.id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM {rows $1} )"
        ),
        json_rows(&listed(ids))?
    )
    .fetch_all()
    .await?;
    Ok(found.into_iter().map(|record| (record.id, record)).collect())
}

fn listed(ids: &[SubscriptionId]) -> Vec<[i64; 1]> {
    ids.iter().map(|id| [id.0]).collect()
}
