//! Issues, their deliveries and their variants.

use crate::support::store::Store;
use daily::domain::ids::{SubscriberId, SubscriptionId};

/// Sets the kept counts of copies that were sent.
const COUNT_SENT: &str = "UPDATE issues SET sent = (SELECT count(*) FROM deliveries WHERE issue_id = issues.id AND status = 'sent')";

impl Store {
    /// Returns the addresses of the deliveries with a status.
    pub async fn recipients(&self, status: &str) -> Vec<String> {
        let sql = "SELECT r.address FROM deliveries d JOIN subscribers r ON r.id = d.subscriber_id";
        self.texts(&format!("{sql} WHERE d.status = '{status}' ORDER BY r.address")).await
    }

    /// Reassigns the deliveries of a subscription to another subscriber.
    pub async fn reassign_deliveries(&self, of: SubscriptionId, to: SubscriberId) {
        let sql = format!("UPDATE deliveries SET subscriber_id = {to} WHERE subscription_id = {of}");
        self.execute(&sql).await;
    }

    /// Sets the status of all deliveries. Those that are open again lose their end.
    pub async fn set_deliveries(&self, status: &str) {
        let sql = "UPDATE deliveries SET status = CASE WHEN $1 = 'sending' THEN 'claimed' ELSE $1 END, \
             begun = $1 = 'sending', finished_at = CASE WHEN $1 = 'queued' THEN NULL ELSE finished_at END";
        self.change(sql, &[status]).await;
        self.execute(COUNT_SENT).await;
    }

    /// Sets the relay's answer of the deliveries to an address.
    pub async fn set_relays_answer(&self, address: &str, text: &str) {
        let sql = "UPDATE deliveries SET reply_text = $1 \
             WHERE subscriber_id = (SELECT id FROM subscribers WHERE address_key = $2)";
        self.change(sql, &[text, address]).await;
    }

    /// Makes all issues start their fan-out, or finish it.
    pub async fn set_fan_out(&self, is_under_way: bool) {
        let sql = if is_under_way {
            "UPDATE issues SET fanned_out_to = 0"
        } else {
            "UPDATE issues SET fanned_out_to = NULL"
        };
        self.change(sql, &[]).await;
    }

    /// Adds the first variant's stories to the last variant.
    pub async fn repeat_first_variants_stories_in_last(&self) {
        self.execute(
            "INSERT INTO variant_stories (variant_id, article_id, position) \
             SELECT (SELECT max(id) FROM issue_variants), article_id, 0 FROM variant_stories \
             WHERE variant_id = (SELECT min(id) FROM issue_variants)",
        )
        .await;
    }

    /// Marks all issues as if their operators had been reminded.
    pub async fn mark_operators_reminded(&self) {
        self.execute("UPDATE issues SET reminded_at = created_at").await;
    }

    /// Spreads deliveries over all states, by their numbers. Some of those that wait are throttled.
    pub async fn spread_deliveries_over_states(&self) {
        for statement in [
            "UPDATE deliveries SET status = 'claimed', claim_id = 999 WHERE id % 12 = 2",
            "UPDATE deliveries SET status = 'claimed', begun = TRUE, claim_id = 999 WHERE id % 12 = 3",
            "UPDATE deliveries SET status = 'sent' WHERE id % 12 IN (4, 5, 11)",
            "UPDATE deliveries SET status = 'deferred' WHERE id % 12 IN (6, 7)",
            "UPDATE deliveries SET status = 'failed' WHERE id % 12 = 8",
            "UPDATE deliveries SET status = 'uncertain' WHERE id % 12 = 9",
            "UPDATE deliveries SET status = 'skipped' WHERE id % 12 = 10",
            "UPDATE deliveries SET throttled_domain = 'example.org' WHERE id % 12 IN (1, 7)",
            COUNT_SENT,
        ] {
            self.execute(statement).await;
        }
    }

    /// Interrupts the fan-out of all issues after this many deliveries, like a crash between two batches.
    pub async fn interrupt_fan_out_after(&self, count: i64, status: &str) {
        let next = format!("SELECT id FROM subscriptions ORDER BY id LIMIT 1 OFFSET {count}");
        let next = self.number(&next).await;
        self.execute(&format!("DELETE FROM deliveries WHERE subscription_id >= {next}")).await;
        self.execute(&format!(
            "UPDATE issues SET status = '{status}', closed_at = NULL, recipients = {count}, fanned_out_to = {}, \
             sent = (SELECT count(*) FROM deliveries WHERE issue_id = issues.id AND status = 'sent')",
            next - 1
        ))
        .await;
        self.unsort_readers().await;
    }

    /// Returns the kept count of copies that were sent, and how many there are.
    pub async fn sent_copies(&self) -> (i64, i64) {
        let kept = self.number("SELECT CAST(sum(sent) AS BIGINT) FROM issues").await;
        (kept, self.number("SELECT count(*) FROM deliveries WHERE status = 'sent'").await)
    }

    /// Pretends that all issues had so many readers.
    pub async fn set_recipients(&self, count: i64) {
        self.execute(&format!("UPDATE issues SET recipients = {count}")).await;
    }

    /// Restarts the fan-out of all issues, but keeps the existing deliveries.
    pub async fn repeat_fan_out(&self) {
        self.execute("UPDATE issues SET status = 'frozen', fanned_out_to = 0").await;
        self.unsort_readers().await;
    }

    /// Takes all readers out of their cohorts: nobody is sorted while an issue is fanned out.
    async fn unsort_readers(&self) {
        self.execute("UPDATE subscriptions SET cohort_id = NULL WHERE cohort_id IS NOT NULL").await;
    }
}
