//! Figures for monitoring. Each takes one query over few rows.

use crate::db::{DbError, DbTime, Tx, engine::query::query_as};

/// The issues with one status.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OpenIssues {
    pub status: String,
    pub issues: i64,
    /// When the earliest of them is due.
    pub first_due_at: DbTime,
    pub recipients: i64,
}

/// Counts the issues that are not over.
pub async fn open_issues(tx: &mut Tx) -> Result<Vec<OpenIssues>, DbError> {
    query_as!(
        tx,
        "SELECT status, count(*) AS issues, min(due_at) AS first_due_at, \
         CAST(sum(recipients) AS BIGINT) AS recipients FROM issues WHERE status IN ('planned', 'frozen', 'sending', \
         'paused', 'held') GROUP BY status"
    )
    .fetch_all()
    .await
}

/// The active feeds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Feeds {
    pub active: i64,
    /// Those that failed when they were last read.
    pub failing: i64,
    /// When the next feed is to be read; the past if one is late.
    pub next_poll_at: Option<DbTime>,
}

pub async fn feeds(tx: &mut Tx) -> Result<Feeds, DbError> {
    query_as!(
        tx,
        "SELECT count(*) AS active, count(*) FILTER (WHERE failures > 0) AS failing, min(next_poll_at) AS \
         next_poll_at FROM feeds WHERE status = 'active'"
    )
    .fetch_one()
    .await
}
