//! The stories that readers received, by their deliveries and welcomes.

use crate::support::store::Store;
use jiff::Timestamp;

impl Store {
    /// Returns the active readers of a newsletter, each with the audience.
    pub async fn active_readers(&self, newsletter: i64) -> Vec<(i64, String)> {
        let rows: Vec<(i64, String, i64)> = self
            .all("SELECT subscriber_id, audience, newsletter_id FROM subscriptions WHERE status = 'active'")
            .await;
        rows.into_iter().filter(|row| row.2 == newsletter).map(|row| (row.0, row.1)).collect()
    }

    /// Returns which subscriber received which variant.
    pub async fn received_variants(&self) -> Vec<(i64, i64)> {
        self.all(
            "SELECT subscriber_id, variant_id FROM deliveries WHERE status NOT IN ('failed', 'skipped') \
             UNION SELECT subscriber_id, variant_id FROM welcomes ORDER BY 1, 2",
        )
        .await
    }

    /// Returns all variants, each with its newsletter.
    pub async fn variants_of_newsletters(&self) -> Vec<(i64, i64)> {
        self.all(
            "SELECT v.id, i.newsletter_id FROM issue_variants v JOIN issues i ON i.id = v.issue_id ORDER BY v.id",
        )
        .await
    }

    /// Returns how many stories were sent to a reader more than once.
    pub async fn repeated_stories(&self) -> i64 {
        self.number(
            "SELECT count(*) FROM (SELECT d.subscriber_id, t.article_id FROM deliveries d \
             JOIN variant_stories t ON t.variant_id = d.variant_id WHERE d.status NOT IN ('failed', 'skipped') \
             GROUP BY d.subscriber_id, t.article_id HAVING count(*) > 1) AS repeated",
        )
        .await
    }

    /// Returns how many active subscriptions are in a cohort.
    pub async fn sorted_readers(&self) -> i64 {
        self.number("SELECT count(*) FROM subscriptions WHERE status = 'active' AND cohort_id IS NOT NULL")
            .await
    }

    /// Returns a sent delivery of a subscriber, the latest one, and opens it again in a status under a claim.
    pub async fn reopen_delivery(&self, subscriber: i64, status: &str, claim: i64) -> Option<(i64, i64)> {
        let latest =
            format!("SELECT max(id) FROM deliveries WHERE subscriber_id = {subscriber} AND status = 'sent'");
        let id = self.number(&latest).await;
        if id == 0 {
            return None;
        }
        let (status, begun) = if status == "sending" { ("claimed", "TRUE") } else { (status, "FALSE") };
        self.execute(&format!(
            "UPDATE deliveries SET status = '{status}', begun = {begun}, claim_id = NULLIF({claim}, 0), finished_at = NULL \
             WHERE id = {id}"
        ))
        .await;
        Some((id, self.number(&format!("SELECT issue_id FROM deliveries WHERE id = {id}")).await))
    }

    /// Suppresses an address, but leaves its subscriptions as they are.
    pub async fn suppress_silently(&self, address: &str, reason: &str, now: Timestamp) {
        let now = self.time(now);
        self.execute(&format!(
            "INSERT INTO suppressions (address_key, reason, created_at) VALUES ('{address}', '{reason}', {now}) \
             ON CONFLICT DO NOTHING"
        ))
        .await;
    }

    /// Adds copies of the first issue and of its deliveries, on earlier dates.
    pub async fn repeat_issues(&self, count: i64) {
        for n in 1..=count {
            self.execute(&format!(
                "INSERT INTO issues (newsletter_id, issue_date, status, due_at, created_at, message_key, recipients) \
                 SELECT newsletter_id, '{}', status, due_at, created_at, message_key, recipients FROM issues \
                 WHERE id = (SELECT min(id) FROM issues)",
                jiff::civil::date(2025, 1, 1) + jiff::Span::new().days(n)
            ))
            .await;
            self.execute(
                "INSERT INTO deliveries (issue_id, variant_id, subscriber_id, subscription_id, status, due_at, \
                 next_attempt_at, attempts) SELECT (SELECT max(id) FROM issues), variant_id, subscriber_id, \
                 subscription_id, status, due_at, next_attempt_at, 1 FROM deliveries \
                 WHERE issue_id = (SELECT min(id) FROM issues)",
            )
            .await;
        }
    }
}
