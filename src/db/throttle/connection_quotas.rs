//! Table `connection_quotas`: how many connections to a relay each process may have open, so that the sum holds.

use crate::db::{
    DbError, DbTime, Tx,
    engine::query::{query, query_scalar},
};
use jiff::Timestamp;

/// What a process asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The relay's name.
    pub relay: &'a str,
    pub process: &'a str,
    /// Most connections to the relay, over all processes.
    pub limit: i64,
    /// How many processes are alive that send.
    pub workers: i64,
    /// Connections the process has open now.
    pub open: i64,
    /// Until when the share is its own.
    pub until: Timestamp,
}

/// An equal part of a relay's connections for each of so many workers.
pub fn equal_share(limit: i64, workers: i64) -> i64 {
    (limit / workers.max(1)).max(1)
}

/// Takes a process's share of a relay's connections: an equal part for each worker, but never more than the others leave. What
/// it has open beyond that counts until it is closed. Returns the share.
pub async fn acquire(tx: &mut Tx, request: &Request<'_>, now: Timestamp) -> Result<i64, DbError> {
    let Request { relay, process, limit, workers, open, until } = *request;
    // Written first: on PostgreSQL processes that come at the same time then wait for each other on their common row.
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
        // What is still open counts until it is closed.
        share.max(open),
        DbTime(until)
    )
    .execute()
    .await?;
    Ok(share)
}

/// Gives back the shares of a process that ends, and forgets those long run out.
pub async fn release(tx: &mut Tx, process: &str, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "DELETE FROM connection_quotas WHERE process = $1 OR until < $2", process, DbTime(now))
        .execute()
        .await
}

/// Forgets the shares of all other processes. Only for a worker that knows that no other one is alive.
pub async fn remove_others(tx: &mut Tx, process: &str) -> Result<(), DbError> {
    query!(tx, "DELETE FROM connection_quotas WHERE process <> $1", process).execute().await
}
