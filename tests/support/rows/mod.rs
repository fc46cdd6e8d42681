//! Database rows that no person sees, and changes that only a fault, an older version or an intruder makes.

mod deliveries;
mod history;
mod ledger;
mod signups;
mod subscriptions;
mod tampering;

pub use ledger::LedgerRow;
pub use signups::SignupRow;

use super::store::Store;
use daily::{
    db::deliveries::emails::EmailRecord,
    domain::{delivery::email::EmailKind, ids::FeedId},
};
use jiff::Timestamp;
use sqlx::AssertSqlSafe;

impl Store {
    /// Returns how many sessions wait for locks. `None` on SQLite, which locks no rows.
    pub async fn sessions_waiting_for_locks(&self) -> Option<i64> {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(_) => Some(self.number(waiting).await),
        }
    }

    pub async fn rows_in(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    /// Returns the columns, as `table.column`, that contain a text in any case.
    pub async fn columns_naming(&self, text: &str) -> Vec<String> {
        let columns = match self {
            Self::Sqlite(_) => {
                "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_xinfo(t.name) c \
                 WHERE t.type = 'table' AND c.type = 'TEXT'"
            }
            Self::Postgres(_) => {
                "SELECT table_name || '.' || column_name FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND data_type = 'text'"
            }
        };
        let mut found = Vec::new();
        for column in self.texts(columns).await {
            let (table, name) = column.split_once('.').expect("a table and a column");
            let rows = format!("SELECT count(*) FROM {table} WHERE lower({name}) LIKE lower('%{text}%')");
            if self.number(&rows).await > 0 {
                found.push(column);
            }
        }
        found.sort();
        found
    }

    /// Makes a feed be in trouble, with these words.
    pub async fn set_feed_trouble(&self, feed: FeedId, words: &str) {
        let sql = "UPDATE feeds SET title = $1, trouble_kind = 'failing', trouble = $1, trouble_since = created_at \
             WHERE id = CAST($2 AS BIGINT)";
        self.change(sql, &[words, &feed.to_string()]).await;
    }

    /// Returns the names of all leases.
    pub async fn leases(&self) -> Vec<String> {
        self.texts("SELECT name FROM leases ORDER BY name").await
    }

    /// Returns the steps of a statement's plan. PostgreSQL gets these values for its parameters. It is told
    /// to avoid full scans, which it would prefer for a handful of rows.
    pub async fn query_plan(&self, statement: &str, values: [&str; 4]) -> Vec<String> {
        match self {
            Self::Sqlite(pool) => {
                let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
                let rows: Vec<(i64, i64, i64, String)> =
                    sqlx::query_as(explain).fetch_all(pool).await.expect("a plan");
                rows.into_iter().map(|row| row.3).collect()
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await.expect("a transaction");
                sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut *tx).await.expect("a setting");
                let statement = (1..).zip(values).fold(statement.to_owned(), |text, (place, value)| {
                    text.replace(&format!("${place}"), value)
                });
                let explain = AssertSqlSafe(format!("EXPLAIN {statement}"));
                sqlx::query_scalar(explain).fetch_all(&mut *tx).await.expect("a plan")
            }
        }
    }

    /// Returns the number of live workers.
    pub async fn workers(&self) -> i64 {
        self.number("SELECT count(*) FROM processes WHERE role IN ('all', 'worker')").await
    }

    /// Returns the keys of all rate limits in use.
    pub async fn rate_limits(&self) -> Vec<String> {
        self.texts("SELECT key FROM rate_limits ORDER BY key").await
    }

    /// Returns all single emails, sent or not, oldest first.
    pub async fn emails(&self) -> Vec<EmailRecord> {
        self.all("SELECT * FROM emails ORDER BY id").await
    }
}

impl Store {
    /// Uses up a rate limit until this time.
    pub async fn use_up_limit(&self, key: &str, until: Timestamp) {
        self.execute(&format!(
            "INSERT INTO rate_limits (key, tat) VALUES ('{key}', {0}) ON CONFLICT (key) DO UPDATE SET tat = {0}",
            until.as_microsecond()
        ))
        .await;
    }

    /// Tries to change and to remove entries of the audit log, and returns the database's answers.
    pub async fn tamper_with_audit(&self) -> [Result<(), String>; 2] {
        [
            self.try_execute("UPDATE audit SET action = 'nothing'").await,
            self.try_execute("DELETE FROM audit").await,
        ]
    }

    /// Runs a statement whose parameters are texts.
    async fn change(&self, sql: &'static str, texts: &[&str]) {
        match self {
            Self::Sqlite(pool) => {
                let query = texts.iter().fold(sqlx::query(sql), |query, text| query.bind(*text));
                query.execute(pool).await.map(drop)
            }
            Self::Postgres(pool) => {
                let query = texts.iter().fold(sqlx::query(sql), |query, text| query.bind(*text));
                query.execute(pool).await.map(drop)
            }
        }
        .expect("a statement");
    }

    /// Adds another content that was shown with the same digits as this revision, in which a text is replaced.
    /// Returns its whole revision.
    pub async fn forge_revision(&self, shown: &str, (text, with): (&str, &str)) -> String {
        let digits = &shown[..8];
        let forged = format!("{digits}{}", "0".repeat(56));
        let sql = "INSERT INTO issue_revisions (newsletter_id, issue_date, revision, content, shown_at) \
             SELECT newsletter_id, issue_date, $1, replace(content, $2, $3), shown_at FROM issue_revisions \
             WHERE substr(revision, 1, 8) = $4";
        self.change(sql, &[&forged, text, with, digits]).await;
        forged
    }

    /// Gives all single emails a relay's answer.
    pub async fn answer_emails(&self, code: u16, text: &str) {
        self.execute(&format!("UPDATE emails SET reply_code = {code}, reply_text = '{text}'")).await;
    }

    /// Queues the single emails of a kind again, as if a crash had come before their answers were recorded.
    pub async fn requeue_emails(&self, kind: EmailKind) {
        let sql = "UPDATE emails SET status = 'queued', next_attempt_at = created_at, woken_at = NULL, \
             finished_at = NULL \
             WHERE kind = $1";
        self.change(sql, &[&kind.to_string()]).await;
    }
}
