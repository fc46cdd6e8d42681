//! Changes to the ledger that the database's password allows.

use crate::support::store::Store;

/// Changes that the database refuses. It only allows erasure: personal columns become `NULL`, all at once.
pub const REFUSED: &[&str] = &[
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

/// Drops the triggers that keep the tables append-only.
pub async fn disarm(store: &Store) {
    let triggers: &[&str] = match store {
        Store::Sqlite(_) => &[
            "consent_events_are_not_changed",
            "consent_events_are_not_removed",
            "consent_chain_is_not_changed",
            "consent_chain_is_not_removed",
        ],
        Store::Postgres(_) => &[
            "consent_events_are_append_only ON consent_events",
            "consent_chain_is_append_only ON consent_chain",
        ],
    };
    for trigger in triggers {
        store.execute(&format!("DROP TRIGGER {trigger}")).await;
    }
}

/// Returns changes of a subscription's entries 4 to 6: how to make one, how to undo it, and the entry it breaks.
pub fn tampers(subscription: i64) -> impl Iterator<Item = (String, String, i64)> {
    let changes = [
        (4, "method", "'json'", "'form'".to_owned()),
        (5, "kind", "'requested'", "'confirmed'".to_owned()),
        (4, "confirmation_id", "9", "2".to_owned()),
        (6, "address", "'eve@example.org'", "'ben@example.org'".to_owned()),
        (5, "client_address", "NULL", "'127.0.0.1'".to_owned()),
        (5, "subscription_id", "1", subscription.to_string()),
    ];
    changes.into_iter().map(|(entry, column, wrong, right)| {
        let set = |value: &str| format!("UPDATE consent_events SET {column} = {value} WHERE id = {entry}");
        (set(wrong), set(&right), entry)
    })
}

/// Removes an entry and its link.
pub async fn remove_entry(store: &Store, entry: i64) {
    store.execute(&format!("DELETE FROM consent_chain WHERE event_id = {entry}")).await;
    store.execute(&format!("DELETE FROM consent_events WHERE id = {entry}")).await;
}

/// Writes personal data into an entry that was erased.
pub async fn restore_erased_data(store: &Store, entry: i64) {
    disarm(store).await;
    store
        .execute(&format!("UPDATE consent_events SET client_address = '192.0.2.1' WHERE id = {entry}"))
        .await;
}

/// Adds two entries for each subscription without links, as earlier versions did, and leaves them to be linked.
pub async fn add_unlinked_entries(store: &Store) {
    let at = match store {
        Store::Sqlite(_) => "1700000000000000",
        Store::Postgres(_) => "TIMESTAMPTZ '2023-11-14'",
    };
    for _ in 0..2 {
        store
            .execute(&format!(
                "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, source_url) \
                 SELECT id, 'confirmed', {at}, 'import', 'https://old.example/list' FROM subscriptions"
            ))
            .await;
    }
    store
        .execute(
            "INSERT INTO consent_backlog (after_event, up_to_event) SELECT 0, max(id) FROM consent_events",
        )
        .await;
}
