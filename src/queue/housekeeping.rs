//! Removes old jobs and workers, which apalis keeps for ever.

use crate::db::{
    Db, DbError,
    engine::{
        columns::DbList,
        query::{query, query_as, query_scalar},
    },
};

/// How long finished jobs stay for inspection.
const KEEP_SECONDS: i64 = 24 * 60 * 60;

/// Deletes finished jobs, and workers of processes that ended long ago.
pub async fn tidy(db: &Db) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    query!(
        tx,
        "DELETE FROM {sqlite Jobs}{postgres apalis.jobs} WHERE status IN ('Done', 'Failed', 'Killed') \
         AND done_at < {sqlite unixepoch() - $1}{postgres now() - make_interval(secs => $1::float8)}",
        KEEP_SECONDS
    )
    .execute()
    .await?;
    query!(
        tx,
        "DELETE FROM {sqlite Workers}{postgres apalis.workers} AS w \
         WHERE last_seen < {sqlite unixepoch() - $1}{postgres now() - make_interval(secs => $1::float8)} \
         AND NOT EXISTS (SELECT 1 FROM {sqlite Jobs}{postgres apalis.jobs} WHERE lock_by = w.id)",
        KEEP_SECONDS
    )
    .execute()
    .await?;
    tx.commit().await
}

/// Finishes the jobs of stopped workers whose names start with `workers`. Jobs that were begun are done or
/// have failed; those that were only fetched are queued again.
pub(super) async fn settle_jobs(db: &Db, workers: &str, begun: &[String]) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    query!(
        tx,
        "UPDATE {sqlite Jobs}{postgres apalis.jobs} SET status = 'Done', done_at = \
         {sqlite unixepoch()}{postgres now()} \
         WHERE status IN ('Running', 'Queued') AND substr(lock_by, 1, length($1)) = $1 AND id {in $2}",
        workers,
        DbList(begun)
    )
    .execute()
    .await?;
    query!(
        tx,
        "UPDATE {sqlite Jobs}{postgres apalis.jobs} SET status = 'Pending', lock_by = NULL, lock_at = NULL \
         WHERE status IN ('Running', 'Queued') AND substr(lock_by, 1, length($1)) = $1",
        workers
    )
    .execute()
    .await?;
    tx.commit().await
}

/// Counts the jobs that are running or due.
pub async fn depth(db: &Db) -> Result<i64, DbError> {
    let mut tx = db.read().await?;
    query_scalar!(
        tx,
        "SELECT count(*) FROM {sqlite Jobs}{postgres apalis.jobs} WHERE status IN ('Queued', 'Running') \
         OR (status = 'Pending' AND run_at <= {sqlite unixepoch()}{postgres now()})"
    )
    .fetch_one()
    .await
}

/// The jobs of one queue that are running or due.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct QueueFigures {
    pub queue: String,
    pub jobs: i64,
    /// How long the oldest of them that no worker has fetched has been due.
    pub oldest_seconds: i64,
}

/// Counts the jobs of each queue that has some.
pub async fn figures(db: &Db) -> Result<Vec<QueueFigures>, DbError> {
    let mut tx = db.read().await?;
    query_as!(
        tx,
        "SELECT job_type AS queue, count(*) AS jobs, CAST(COALESCE(max(CASE WHEN status = 'Pending' THEN \
         {sqlite unixepoch() - run_at}{postgres extract(epoch FROM now() - run_at)} END), 0) AS BIGINT) \
         AS oldest_seconds FROM {sqlite Jobs}{postgres apalis.jobs} WHERE status IN ('Queued', 'Running') \
         OR (status = 'Pending' AND run_at <= {sqlite unixepoch()}{postgres now()}) GROUP BY job_type"
    )
    .fetch_all()
    .await
}
