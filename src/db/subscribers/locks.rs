//! Row locks on subscriptions.

use crate::{
    db::{
        DbError, Tx,
        engine::{columns::DbList, query::query},
    },
    domain::ids::SubscriptionId,
};

/// Locks the rows of subscriptions until the transaction ends, in one order for all, so that of two at once one waits.
pub async fn lock_rows(tx: &mut Tx, ids: &[SubscriptionId]) -> Result<(), DbError> {
    // SQLite has one writer.
    if tx.is_only_writer() {
        return Ok(());
    }
    // Keys stay readable: deliveries may be made meanwhile.
    query!(
        tx,
        "SELECT id FROM subscriptions WHERE id {in $1} ORDER BY id {postgres FOR NO KEY UPDATE}",
        DbList(ids)
    )
    .execute()
    .await
}
