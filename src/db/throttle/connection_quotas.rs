//! Table `connection_quotas`: the connections to a relay that each process may have open.

use crate::db::{
    DbError, DbTime, Tx,
    engine::query::{query, query_scalar},
};
use jiff::Timestamp;

/// A process's request for a quota.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub relay: &'a str,
    pub process: &'a str,
    /// The most connections to the relay over all processes.
    pub limit: i64,
    /// The number of live workers.
    pub workers: i64,
    /// Connections that the process has open now.
    pub open: i64,
    /// When the quota expires.
    pub until: Timestamp,
}

/// Returns an equal part of a relay's connections for each worker, at least one.
pub fn equal_share(limit: i64, workers: i64) -> i64 {
    (limit / workers.max(1)).max(1)
}

/// Acquires a quota: an equal part, but never more than the other processes leave. Connections that the
/// process still has open beyond its quota count until they are closed. Returns the quota.
pub async fn acquire(tx: &mut Tx, request: &Request<'_>, now: Timestamp) -> Result<i64, DbError> {
    let Request { relay, process, limit, workers, open, until } = *request;
    // Written first, so that on PostgreSQL processes that come at the same time wait for each other on this
    // common row.
    query!(
        tx,
        "INSERT INTO connection_quotas (relay, process, connections, until) VALUES ($1, '', 0, $2) \
         ON CONFLICT (relay, process) DO UPDATE SET until = excluded.until",
        relay,
        DbTime(until)
    )
    .execute()
    .await?;
    let others: i64 = query_scalar!(
        tx,
        "SELECT CAST(COALESCE(sum(connections), 0) AS BIGINT) FROM connection_quotas WHERE relay = $1 \
         AND process <> $2 AND until >= $3",
        relay,
        process,
        DbTime(now)
    )
    .fetch_one()
    .await?;
    let share = equal_share(limit, workers).min(limit - others).max(0);
    query!(
        tx,
        "INSERT INTO connection_quotas (relay, process, connections, until) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (relay, process) DO UPDATE \
         SET connections = excluded.connections, until = excluded.until",
        relay,
        process,
        // Open connections count until they are closed.
        share.max(open),
        DbTime(until)
    )
    .execute()
    .await?;
    Ok(share)
}

/// Releases the quotas of a process that ends, and removes expired ones.
pub async fn release(tx: &mut Tx, process: &str, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "DELETE FROM connection_quotas WHERE process = $1 OR until < $2", process, DbTime(now))
        .execute()
        .await
}

/// Removes the quotas of all other processes. Only for a worker that knows that no other one is alive.
pub async fn remove_others(tx: &mut Tx, process: &str) -> Result<(), DbError> {
    query!(tx, "DELETE FROM connection_quotas WHERE process <> $1", process).execute().await
}
