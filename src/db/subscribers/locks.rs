//! Row locks on subscriptions.

use crate::{
    db::{
        DbError, Tx,
        engine::{columns::DbList, query::query},
    },
    domain::ids::SubscriptionId,
};

/// Locks the rows of subscriptions. Every transaction locks in the same order, so that two can't wait for
/// each other.
pub async fn lock_rows(tx: &mut Tx, ids: &[SubscriptionId]) -> Result<(), DbError> {
    // SQLite has one writer, so no row locks are needed.
    if tx.is_only_writer() {
        return Ok(());
    }
    // Other transactions can still refer to the rows, so deliveries can be made meanwhile.
    query!(
        tx,
        "SELECT id FROM subscriptions WHERE id {in $1} ORDER BY id {postgres FOR NO KEY UPDATE}",
        DbList(ids)
    )
    .execute()
    .await
}
