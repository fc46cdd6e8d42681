//! Looking after the queue, which itself keeps everything for ever.

use crate::db::{Db, DbError};

/// Finished jobs are kept this long, to be looked at.
const KEEP_SECONDS: i64 = 24 * 60 * 60;

/// Removes finished jobs and the workers of processes long gone.
pub async fn tidy(db: &Db) -> Result<(), DbError> {
    match db {
        Db::Sqlite { writer, .. } => {
            sqlx::query(
                "DELETE FROM Jobs WHERE status IN ('Done', 'Failed', 'Killed') AND done_at < unixepoch() - $1",
            )
            .bind(KEEP_SECONDS)
            .execute(writer)
            .await?;
            sqlx::query(
                "DELETE FROM Workers WHERE last_seen < unixepoch() - $1 \
                 AND NOT EXISTS (SELECT 1 FROM Jobs WHERE lock_by = Workers.id)",
            )
            .bind(KEEP_SECONDS)
            .execute(writer)
            .await?;
        }
        Db::Postgres(pool) => {
            sqlx::query(
                "DELETE FROM apalis.jobs WHERE status IN ('Done', 'Failed', 'Killed') \
                 AND done_at < now() - make_interval(secs => $1::float8)",
            )
            .bind(KEEP_SECONDS)
            .execute(pool)
            .await?;
            sqlx::query(
                "DELETE FROM apalis.workers w WHERE last_seen < now() - make_interval(secs => $1::float8) \
                 AND NOT EXISTS (SELECT 1 FROM apalis.jobs WHERE lock_by = w.id)",
            )
            .bind(KEEP_SECONDS)
            .execute(pool)
            .await?;
        }
    }
    Ok(())
}

/// Ends what workers had in hand whose names begin so, and which run no more: the jobs that were begun are done, or have failed, and
/// what was only fetched is there for others.
pub(super) async fn hand_back(db: &Db, workers: &str, begun: &[String]) -> Result<(), DbError> {
    match db {
        Db::Sqlite { writer, .. } => {
            let begun = serde_json::to_string(begun).map_err(|error| DbError::Encode(Box::new(error)))?;
            let mut tx = writer.begin().await?;
            sqlx::query(
                "UPDATE Jobs SET status = 'Done', done_at = unixepoch() WHERE status IN ('Running', 'Queued') \
                 AND substr(lock_by, 1, length($1)) = $1 AND id IN (SELECT value FROM json_each($2))",
            )
            .bind(workers)
            .bind(begun)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "UPDATE Jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL \
                 WHERE status IN ('Running', 'Queued') AND substr(lock_by, 1, length($1)) = $1",
            )
            .bind(workers)
            .execute(&mut *tx)
            .await?;
            tx.commit().await
        }
        Db::Postgres(pool) => {
            let mut tx = pool.begin().await?;
            sqlx::query(
                "UPDATE apalis.jobs SET status = 'Done', done_at = now() WHERE status IN ('Running', 'Queued') \
                 AND starts_with(lock_by, $1) AND id = ANY($2)",
            )
            .bind(workers)
            .bind(begun)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "UPDATE apalis.jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL \
                 WHERE status IN ('Running', 'Queued') AND starts_with(lock_by, $1)",
            )
            .bind(workers)
            .execute(&mut *tx)
            .await?;
            tx.commit().await
        }
    }
}

/// How many jobs run, or could.
pub async fn depth(db: &Db) -> Result<i64, DbError> {
    match db {
        Db::Sqlite { readers, .. } => {
            sqlx::query_scalar(
                "SELECT count(*) FROM Jobs WHERE status IN ('Queued', 'Running') \
                 OR (status = 'Pending' AND run_at <= unixepoch())",
            )
            .fetch_one(readers)
            .await
        }
        Db::Postgres(pool) => {
            sqlx::query_scalar(
                "SELECT count(*) FROM apalis.jobs WHERE status IN ('Queued', 'Running') \
                 OR (status = 'Pending' AND run_at <= now())",
            )
            .fetch_one(pool)
            .await
        }
    }
}
