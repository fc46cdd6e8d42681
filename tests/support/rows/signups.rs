//! Signups, their confirmations and their jobs.

use crate::support::store::Store;
use jiff::Timestamp;
use sqlx::FromRow;

/// An unprocessed signup.
#[derive(Debug, FromRow, PartialEq, Eq)]
pub struct SignupRow {
    pub address: String,
    pub attempts: i64,
}

impl Store {
    /// Returns all unprocessed signups, oldest first.
    pub async fn signups(&self) -> Vec<SignupRow> {
        self.all("SELECT address, attempts FROM signups ORDER BY id").await
    }

    /// Adds this many confirmations of the first subscription, all with the same time.
    pub async fn add_confirmations(&self, count: usize, at: Timestamp, are_used: bool) {
        let at = self.time(at);
        let used = if are_used { at.as_str() } else { "NULL" };
        let row = format!("((SELECT min(id) FROM subscriptions), {at}, {at}, {used})");
        let rows = vec![row; count].join(", ");
        let insert = "INSERT INTO confirmations (subscription_id, created_at, expires_at, used_at) VALUES";
        self.execute(&format!("{insert} {rows}")).await;
    }

    /// Renames the queue's table, so that enqueuing fails.
    pub async fn hide_queue(&self) {
        self.rename_queue("jobs", "hidden_jobs").await;
    }

    /// Restores the queue's table.
    pub async fn restore_queue(&self) {
        self.rename_queue("hidden_jobs", "jobs").await;
    }

    async fn rename_queue(&self, from: &str, to: &str) {
        let schema = match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "apalis.",
        };
        self.execute(&format!("ALTER TABLE {schema}{from} RENAME TO {to}")).await;
    }

    /// Makes PostgreSQL abort the next transactions that insert a subscriber, like a deadlock.
    pub async fn deadlock_new_subscribers(&self, transactions: i64) {
        for statement in [
            // Sequences keep counting when a transaction rolls back.
            "CREATE SEQUENCE tries",
            &format!(
                "CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF nextval('tries') <= {transactions} THEN \
                 RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$"
            ),
            "CREATE TRIGGER deadlock BEFORE INSERT ON subscribers FOR EACH ROW EXECUTE FUNCTION deadlock()",
        ] {
            self.execute(statement).await;
        }
    }

    /// Returns the number of subscribers inserted since then, including those of aborted transactions.
    pub async fn count_subscriber_inserts(&self) -> i64 {
        self.number("SELECT last_value FROM tries").await
    }
}
