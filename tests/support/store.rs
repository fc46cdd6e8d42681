//! The database of a running app, opened from outside, and bulk inserts of readers.

// The benchmarks and the tests each use a part of this module.
#![allow(dead_code)]

use daily::clock::Clock;
use jiff::Timestamp;
use sqlx::{
    AssertSqlSafe, FromRow, PgPool, SqlitePool,
    postgres::PgRow,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow},
};
use std::{str::FromStr as _, time::Duration};

pub enum Store {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same query on both engines.
macro_rules! query {
    ($store:expr, |$pool:ident| $query:expr) => {
        match $store {
            Store::Sqlite($pool) => $query.await.expect("a query"),
            Store::Postgres($pool) => $query.await.expect("a query"),
        }
    };
}

/// The number of domains that readers' addresses are spread over.
pub const DOMAINS: usize = 50;

impl Store {
    /// Opens the database with this URL, as in `database.url`. Its tables must exist.
    pub async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)
                .expect("a URL")
                .journal_mode(SqliteJournalMode::Wal)
                .busy_timeout(Duration::from_mins(1));
            Self::Sqlite(SqlitePool::connect_with(options).await.expect("the database opens"))
        } else {
            Self::Postgres(PgPool::connect(url).await.expect("the database opens"))
        }
    }

    /// Returns one number, 0 for `NULL`.
    pub async fn number(&self, sql: &str) -> i64 {
        let found: Option<i64> =
            query!(self, |pool| sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(pool));
        found.unwrap_or_default()
    }

    /// Returns the only column of all rows.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        query!(self, |pool| sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(pool))
    }

    /// Returns the two columns of all rows.
    pub async fn counts(&self, sql: &str) -> Vec<(String, i64)> {
        query!(self, |pool| sqlx::query_as(AssertSqlSafe(sql.to_owned())).fetch_all(pool))
    }

    /// Returns all rows.
    pub async fn all<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        query!(self, |pool| sqlx::query_as(sql).fetch_all(pool))
    }

    /// Runs a statement.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.expect("a statement");
    }

    /// Runs a statement, and returns the database's message if it fails.
    pub async fn try_execute(&self, sql: &str) -> Result<(), String> {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(pool) => query.execute(pool).await.map(drop),
            Self::Postgres(pool) => sqlx::query(AssertSqlSafe(sql.to_owned())).execute(pool).await.map(drop),
        }
        .map_err(|error| error.to_string())
    }

    /// Marks the pictures of all articles as fit for email.
    pub async fn accept_pictures(&self) {
        let fit = "image_ok = TRUE, image_width = 1200, image_height = 800";
        self.execute(&format!("UPDATE articles SET {fit} WHERE image_url IS NOT NULL")).await;
    }

    /// Returns an SQL expression for the microseconds since 1970 of a time column.
    pub fn micros(&self, column: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("({column})"),
            Self::Postgres(_) => format!("CAST(extract(epoch FROM {column}) * 1000000 AS BIGINT)"),
        }
    }

    /// Returns an SQL expression for a time, as time columns store it.
    pub fn time(&self, at: Timestamp) -> String {
        match self {
            Self::Sqlite(_) => at.as_microsecond().to_string(),
            Self::Postgres(_) => format!("TIMESTAMPTZ '{at}'"),
        }
    }

    /// Inserts confirmed readers of the first newsletter with a few statements: `reader1@d1.example` and so
    /// on.
    pub async fn add_readers(&self, count: u64) {
        let series = match self {
            Self::Sqlite(_) => format!(
                "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count}) "
            ),
            Self::Postgres(_) => format!("WITH series (n) AS (SELECT generate_series(1, {count})) "),
        };
        let now = self.time(Clock::system().now());
        let address = format!("'reader' || n || '@d' || (n % {DOMAINS}) || '.example'");
        // On both engines the series has to come before INSERT.
        self.execute(&format!(
            "{series}INSERT INTO subscribers (address, address_key, created_at) SELECT {address}, {address}, {now} FROM series"
        ))
        .await;
        self.execute(&format!(
            "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at, confirmed_at) \
             SELECT id, (SELECT min(id) FROM newsletters), 'active', {now}, {now} FROM subscribers"
        ))
        .await;
        if let Self::Postgres(_) = self {
            // The server's autovacuum would do so later.
            self.execute("ANALYZE subscribers, subscriptions").await;
        }
    }

    /// Returns the status of the only issue; empty while there is none.
    pub async fn issue_status(&self) -> String {
        self.texts("SELECT status FROM issues").await.pop().unwrap_or_default()
    }

    /// Returns how many deliveries are in each state.
    pub async fn deliveries(&self) -> Vec<(String, i64)> {
        self.counts(
            "SELECT CASE WHEN begun THEN 'sending' ELSE status END, count(*) FROM deliveries GROUP BY 1 ORDER BY 1",
        ).await
    }

    /// Closes all connections.
    pub async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
