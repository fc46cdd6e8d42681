//! Subscriptions, their readers' requests, and suppressions.

use crate::support::store::Store;
use daily::db::DbTime;
use jiff::Timestamp;
use sqlx::FromRow;

/// A subscription, with the address of its reader.
#[derive(Debug, FromRow)]
pub struct SubscriptionRow {
    pub address: String,
    pub status: String,
    pub sections: String,
    pub time_zone: Option<String>,
    pub paused_until: Option<String>,
    pub resumes_at: Option<DbTime>,
    pub ended_at: Option<DbTime>,
    pub erased_at: Option<DbTime>,
}

impl Store {
    /// Returns all subscriptions, oldest first.
    pub async fn subscriptions(&self) -> Vec<SubscriptionRow> {
        self.all(
            "SELECT s.*, r.address FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id ORDER BY s.id",
        )
        .await
    }

    /// Returns the end of the pause of an address's only subscription.
    pub async fn resumes_at(&self, address: &str) -> Timestamp {
        let all = self.subscriptions().await;
        let found = all.iter().find(|it| it.address == address).expect("a subscription");
        found.resumes_at.expect("a paused one").0
    }

    /// Returns the number of address changes that both addresses have confirmed but that are not carried out.
    pub async fn requests_agreed_by_both(&self) -> i64 {
        self.number(
            "SELECT count(*) FROM reader_requests \
             WHERE old_confirmed_at IS NOT NULL AND new_confirmed_at IS NOT NULL AND done_at IS NULL",
        )
        .await
    }

    /// Marks all requests of readers as carried out.
    pub async fn carry_out_requests(&self) {
        self.execute("UPDATE reader_requests SET done_at = requested_at").await;
    }

    /// Ends all subscriptions to a newsletter at the time of their confirmation.
    pub async fn end_subscriptions(&self, newsletter: &str, status: &str) {
        let sql = "UPDATE subscriptions SET status = $1, ended_at = confirmed_at \
             WHERE newsletter_id = (SELECT id FROM newsletters WHERE slug = $2)";
        self.change(sql, &[status, newsletter]).await;
    }

    /// Lifts all suppressions.
    pub async fn lift_suppressions(&self) {
        self.execute("DELETE FROM suppressions").await;
    }

    /// Changes a kept count of readers, so that it is wrong.
    pub async fn spoil_count(&self, key: &str, by: i64) {
        self.execute(&format!("UPDATE reader_counts SET readers = readers + {by} WHERE key = '{key}'")).await;
    }

    /// Returns how many rows the kept counts of readers have.
    pub async fn kept_counts(&self) -> i64 {
        self.number("SELECT count(*) FROM reader_counts").await
    }

    /// Returns how many counts of readers there are by their definition.
    pub async fn keys_of_counts(&self) -> i64 {
        self.number(
            "SELECT count(*) FROM (SELECT DISTINCT newsletter_id, what, key FROM counted_readers) AS keys",
        )
        .await
    }
}
