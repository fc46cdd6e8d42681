//! Rows that no person sees, and changes that only a fault, an older version or a stranger in the database makes.

use super::store::Store;
use daily::{
    db::{Stamp, deliveries::emails::MailRecord},
    domain::delivery::email::MailKind,
};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, FromRow};

/// An entry of the consent ledger.
#[derive(Debug, FromRow)]
pub struct LedgerRow {
    pub kind: String,
    pub method: String,
    pub address: Option<String>,
    pub client_address: Option<String>,
    pub confirmation_id: Option<i64>,
    pub wording: Option<String>,
    pub wording_version: Option<i64>,
}

/// A subscription, with the address of its reader.
#[derive(Debug, FromRow)]
pub struct SubscriptionRow {
    pub address: String,
    pub status: String,
    pub sections: String,
    pub time_zone: Option<String>,
    pub paused_until: Option<String>,
    pub resumes_at: Option<Stamp>,
    pub ended_at: Option<Stamp>,
    pub erased_at: Option<Stamp>,
}

/// Questions.
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

    /// Returns the columns, as `table.column`, in which a text occurs, whatever its case.
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

    /// Returns the consent ledger, oldest entry first.
    pub async fn ledger(&self) -> Vec<LedgerRow> {
        self.all("SELECT * FROM consent_events ORDER BY id").await
    }

    /// Returns all subscriptions, oldest first.
    pub async fn subscriptions(&self) -> Vec<SubscriptionRow> {
        self.all(
            "SELECT s.*, r.address FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id ORDER BY s.id",
        )
        .await
    }

    /// Returns how many entries of the ledger could still be checked against their personal data.
    pub async fn salts_of_the_ledger(&self) -> i64 {
        self.number("SELECT count(*) FROM consent_chain WHERE salt IS NOT NULL").await
    }

    /// Returns the names of all leases.
    pub async fn turns(&self) -> Vec<String> {
        self.texts("SELECT name FROM turns ORDER BY name").await
    }

    /// Returns the steps of a statement's plan. PostgreSQL gets these values for its parameters, and avoids reading
    /// whole tables, which it would prefer for a handful of rows.
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

    /// Returns when the pause of an address's only subscription ends.
    pub async fn resumes_at(&self, address: &str) -> Timestamp {
        let all = self.subscriptions().await;
        let found = all.iter().find(|it| it.address == address).expect("a subscription");
        found.resumes_at.expect("a paused one").0
    }

    /// Returns all single emails, sent or not, oldest first.
    pub async fn mails(&self) -> Vec<MailRecord> {
        self.all("SELECT * FROM mails ORDER BY id").await
    }
}

/// Changes.
impl Store {
    /// Returns how the database refuses to change and to remove entries of the audit log.
    pub async fn tamper_with_audit(&self) -> [Result<(), String>; 2] {
        [self.try_to("UPDATE audit SET action = 'nothing'").await, self.try_to("DELETE FROM audit").await]
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

    /// Gives all deliveries a status; those that wait again are not finished.
    pub async fn set_deliveries(&self, status: &str) {
        let sql = "UPDATE deliveries SET status = $1, finished_at = \
             CASE WHEN $1 = 'queued' THEN NULL ELSE finished_at END";
        self.change(sql, &[status]).await;
    }

    /// Ends all subscriptions to a newsletter with a status, at the time of their confirmation.
    pub async fn end_subscriptions(&self, newsletter: &str, status: &str) {
        let sql = "UPDATE subscriptions SET status = $1, ended_at = confirmed_at \
             WHERE newsletter_id = (SELECT id FROM newsletters WHERE slug = $2)";
        self.change(sql, &[status, newsletter]).await;
    }

    /// Lifts all suppressions, as an operator may one day.
    pub async fn lift_suppressions(&self) {
        self.execute("DELETE FROM suppressions").await;
    }

    /// Has a relay have answered this to the deliveries to an address.
    pub async fn set_relays_answer(&self, address: &str, text: &str) {
        let sql = "UPDATE deliveries SET reply_text = $1 \
             WHERE subscriber_id = (SELECT id FROM subscribers WHERE address_key = $2)";
        self.change(sql, &[text, address]).await;
    }

    /// Has all issues fan out, with no delivery made yet, or be through with it.
    pub async fn set_fan_out(&self, is_under_way: bool) {
        let sql = if is_under_way {
            "UPDATE issues SET fanned_out_to = 0"
        } else {
            "UPDATE issues SET fanned_out_to = NULL"
        };
        self.change(sql, &[]).await;
    }

    /// Has the last variant contain the first one's stories, too.
    pub async fn repeat_first_variants_stories_in_last(&self) {
        self.execute(
            "INSERT INTO variant_stories (variant_id, article_id, position) \
             SELECT (SELECT max(id) FROM issue_variants), article_id, 99 FROM variant_stories \
             WHERE variant_id = (SELECT min(id) FROM issue_variants)",
        )
        .await;
    }

    /// Queues the single emails of a kind again, as after a crash between sending and recording.
    pub async fn requeue_mails(&self, kind: MailKind) {
        let sql = "UPDATE mails SET status = 'queued', next_attempt_at = created_at, woken_at = NULL \
             WHERE kind = $1";
        self.change(sql, &[&kind.to_string()]).await;
    }

    /// Has operators have been reminded of all issues.
    pub async fn mark_operators_reminded(&self) {
        self.execute("UPDATE issues SET reminded_at = created_at").await;
    }

    /// Gives deliveries all states, by their numbers. Some of those that wait are throttled.
    pub async fn spread_deliveries_over_states(&self) {
        for statement in [
            "UPDATE deliveries SET status = 'claimed', claim_id = 999 WHERE id % 12 = 2",
            "UPDATE deliveries SET status = 'sending', claim_id = 999 WHERE id % 12 = 3",
            "UPDATE deliveries SET status = 'sent' WHERE id % 12 IN (4, 5, 11)",
            "UPDATE deliveries SET status = 'deferred' WHERE id % 12 IN (6, 7)",
            "UPDATE deliveries SET status = 'failed' WHERE id % 12 = 8",
            "UPDATE deliveries SET status = 'uncertain' WHERE id % 12 = 9",
            "UPDATE deliveries SET status = 'skipped' WHERE id % 12 = 10",
            "UPDATE deliveries SET paced = 'example.org' WHERE id % 12 IN (1, 7)",
        ] {
            self.execute(statement).await;
        }
    }

    /// Interrupts the fan-out of all issues after this many deliveries, as a crash between two batches does.
    pub async fn interrupt_fan_out_after(&self, count: i64) {
        let next = format!("SELECT id FROM subscriptions ORDER BY id LIMIT 1 OFFSET {count}");
        let next = self.number(&next).await;
        self.execute(&format!("DELETE FROM deliveries WHERE subscription_id >= {next}")).await;
        self.execute(&format!(
            "UPDATE issues SET status = 'frozen', recipients = {count}, fanned_out_to = {}",
            next - 1
        ))
        .await;
    }

    /// Has the fan-out of all issues begin once more, beside the deliveries that were made.
    pub async fn repeat_fan_out(&self) {
        self.execute("UPDATE issues SET status = 'frozen', fanned_out_to = 0").await;
    }
}
