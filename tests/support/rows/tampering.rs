//! Changes to the consent ledger that only the database's password allows.

use crate::support::store::Store;

/// Changes that the database refuses. It only allows erasure, which sets all personal columns to `NULL` at
/// once.
const REFUSED: [&str; 9] = [
    "UPDATE consent_chain SET chain = ''",
    "UPDATE consent_chain SET salt = 'x'",
    "DELETE FROM consent_chain",
    "DELETE FROM consent_events",
    "UPDATE consent_events SET kind = 'confirmed'",
    "UPDATE consent_events SET client_address = '192.0.2.1'",
    "UPDATE consent_events SET address = NULL, client_address = NULL, user_agent = NULL, source_url = NULL, method = 'x'",
    "UPDATE consent_events SET client_address = NULL, user_agent = NULL, source_url = NULL, kind = 'unsubscribed'",
    "UPDATE consent_events SET client_address = NULL, user_agent = NULL, source_url = NULL, wording = 'Nothing.'",
];

impl Store {
    /// Tries changes of the ledger, and returns each with the database's answer.
    pub async fn tamper_with_ledger(&self) -> Vec<(&'static str, Result<(), String>)> {
        let mut answers = Vec::new();
        for change in REFUSED {
            answers.push((change, self.try_execute(change).await));
        }
        answers
    }

    /// Drops the triggers that keep the ledger append-only.
    pub async fn disarm_ledger(&self) {
        let triggers: &[&str] = match self {
            Self::Sqlite(_) => &[
                "consent_events_are_not_changed",
                "consent_events_are_not_removed",
                "consent_chain_is_not_changed",
                "consent_chain_is_not_removed",
            ],
            Self::Postgres(_) => &[
                "consent_events_are_append_only ON consent_events",
                "consent_chain_is_append_only ON consent_chain",
            ],
        };
        for trigger in triggers {
            self.execute(&format!("DROP TRIGGER {trigger}")).await;
        }
    }

    /// Changes a column of an entry of the disarmed ledger.
    pub async fn set_in_ledger(&self, entry: i64, column: &str, value: Option<&str>) {
        // Both engines convert a literal to the column's type.
        let value = value.map_or_else(|| "NULL".into(), |value| format!("'{value}'"));
        self.execute(&format!("UPDATE consent_events SET {column} = {value} WHERE id = {entry}")).await;
    }

    /// Removes an entry and its link from the disarmed ledger.
    pub async fn remove_from_ledger(&self, entry: i64) {
        self.execute(&format!("DELETE FROM consent_chain WHERE event_id = {entry}")).await;
        self.execute(&format!("DELETE FROM consent_events WHERE id = {entry}")).await;
    }

    /// Adds an entry to a subscription without a link, as someone with the database's password could.
    pub async fn slip_into_ledger(&self, subscription: i64) {
        let at = self.time("2023-11-14T00:00:00Z".parse().expect("a time"));
        self.execute(&format!(
            "INSERT INTO consent_events (subscription_id, kind, occurred_at, method) \
             VALUES ({subscription}, 'confirmed', {at}, 'form')"
        ))
        .await;
    }

    /// Adds two unlinked entries for each subscription, like earlier versions did.
    pub async fn add_unlinked_entries(&self) {
        let at = self.time("2023-11-14T00:00:00Z".parse().expect("a time"));
        for _ in 0..2 {
            self.execute(&format!(
                "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, source_url) \
                 SELECT id, 'confirmed', {at}, 'import', 'https://old.example/list' FROM subscriptions"
            ))
            .await;
        }
        self.execute(
            "INSERT INTO consent_backlog (after_event, up_to_event) SELECT 0, max(id) FROM consent_events",
        )
        .await;
    }
}
