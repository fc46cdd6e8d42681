//! Table `processes`: the running processes and their heartbeats.

use crate::db::{
    DbError, DbTime, Tx,
    engine::query::{query, query_as, query_scalar},
};
use jiff::{SignedDuration, Timestamp};

/// The time between heartbeats.
pub const BEAT_EVERY: SignedDuration = SignedDuration::from_secs(2);
/// A process without a heartbeat for this long counts as dead.
pub const DEAD_AFTER: SignedDuration = SignedDuration::from_secs(6);

/// Records a heartbeat of process `id`, and removes processes that have been dead for long.
pub async fn heartbeat(tx: &mut Tx, id: &str, role: &str, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO processes (id, role, started_at, seen_at) VALUES ($1, $2, $3, $3) ON CONFLICT (id) \
         DO UPDATE SET seen_at = excluded.seen_at",
        id,
        role,
        DbTime(now)
    )
    .execute()
    .await?;
    query!(tx, "DELETE FROM processes WHERE seen_at < $1", DbTime(now - DEAD_AFTER * 10)).execute().await
}

/// Removes a process that shuts down.
pub async fn remove(tx: &mut Tx, id: &str) -> Result<(), DbError> {
    query!(tx, "DELETE FROM processes WHERE id = $1", id).execute().await
}

/// Removes all other workers. Only for a worker that knows that no other one is alive.
pub async fn remove_other_workers(tx: &mut Tx, id: &str) -> Result<(), DbError> {
    query!(tx, "DELETE FROM processes WHERE role IN ('all', 'worker') AND id <> $1", id).execute().await
}

/// Counts the live processes that run the scheduler.
pub async fn count_schedulers(tx: &mut Tx, now: Timestamp) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT count(*) FROM processes WHERE role IN ('all', 'scheduler') AND seen_at >= $1",
        DbTime(now - DEAD_AFTER)
    )
    .fetch_one()
    .await
}

/// Counts the live processes that work off the queue.
pub async fn count_workers(tx: &mut Tx, now: Timestamp) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT count(*) FROM processes WHERE role IN ('all', 'worker') AND seen_at >= $1",
        DbTime(now - DEAD_AFTER)
    )
    .fetch_one()
    .await
}

/// Returns whether a live process other than this one works off the queue.
pub async fn are_other_workers(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM processes WHERE role IN ('all', 'worker') AND seen_at >= $1 AND id <> $2)",
        DbTime(now - DEAD_AFTER),
        id
    )
    .fetch_one()
    .await
}

/// A process that is alive.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ProcessRecord {
    pub id: String,
    /// `all`, `web`, `worker` or `scheduler`.
    pub role: String,
    pub started_at: DbTime,
}

/// Returns the processes that are alive, oldest first, at most 100.
pub async fn list(tx: &mut Tx, now: Timestamp) -> Result<Vec<ProcessRecord>, DbError> {
    query_as!(
        tx,
        "SELECT id, role, started_at FROM processes WHERE seen_at >= $1 ORDER BY started_at, id LIMIT 100",
        DbTime(now - DEAD_AFTER)
    )
    .fetch_all()
    .await
}
