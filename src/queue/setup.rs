//! apalis's own tables, in the same database as ours.

use crate::db::Db;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;

#[derive(Debug, thiserror::Error)]
#[error("can't update the job queue's tables: {0}")]
pub struct SetupError(Box<dyn std::error::Error + Send + Sync>);

/// Migrates the queue's tables. Several processes may do so repeatedly and at the same time.
pub async fn set_up(db: &Db) -> Result<(), SetupError> {
    match db {
        Db::Sqlite { writer, .. } => {
            // `SqliteStorage::setup` would share our migration history and turn off synchronous writes.
            let mut migrations = SqliteStorage::migrations();
            migrations.dangerous_set_table_name("_apalis_migrations");
            migrations.run(writer).await.map_err(|error| SetupError(error.into()))?;
            seed_planner(writer).await.map_err(|error| SetupError(error.into()))?;
        }
        Db::Postgres(pool) => {
            PostgresStorage::setup(pool).await.map_err(|error| SetupError(error.into()))?;
        }
    }
    Ok(())
}

async fn seed_planner(writer: &sqlx::SqlitePool) -> Result<(), sqlx::Error> {
    let table: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")
        .fetch_one(writer)
        .await?;
    if table == 1 {
        let seeded: i64 =
            sqlx::query_scalar("SELECT count(*) FROM sqlite_stat1 WHERE idx = 'idx_jobs_claimable'")
                .fetch_one(writer)
                .await?;
        if seeded > 0 {
            return Ok(());
        }
    }
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    for statement in SQLITE_PLANNER_STATISTICS {
        sqlx::query(statement).execute(&mut *tx).await?;
    }
    tx.commit().await
}

/// Statistics of a busy queue. Without statistics, SQLite's planner scans the whole queue for each job that
/// it fetches. The first `ANALYZE` creates the statistics table.
const SQLITE_PLANNER_STATISTICS: [&str; 4] = [
    "ANALYZE Jobs",
    "DELETE FROM sqlite_stat1 WHERE tbl = 'Jobs'",
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('Jobs', 'idx_jobs_claimable', '2000 1000 1000'), \
     ('Jobs', 'idx_jobs_pending', '1500 1500 1500 1500 1'), \
     ('Jobs', 'idx_jobs_idempotency_key', '20000 20000 20000'), \
     ('Jobs', 'idx_jobs_completed_done_at', '18000 18000 515 487'), \
     ('Jobs', 'idx_jobs_status_run_at', '20000 6667 4000'), \
     ('Jobs', 'idx_jobs_job_type_status_run_at', '20000 20000 6667 4000'), \
     ('Jobs', 'LIdx', '20000 10000'), ('Jobs', 'sqlite_autoindex_Jobs_1', '20000 1')",
    "ANALYZE sqlite_master",
];
