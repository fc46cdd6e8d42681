//! Row locks on subscriptions.

use crate::{
    db::{DbError, EngineTx, Tx},
    domain::ids::SubscriptionId,
};

/// Locks the rows of subscriptions until the transaction ends, in one order for all, so that of two at once one waits.
pub async fn lock_rows(tx: &mut Tx, ids: &[SubscriptionId]) -> Result<(), DbError> {
    match tx.by_engine() {
        // SQLite has one writer.
        EngineTx::Sqlite(_) => Ok(()),
        EngineTx::Postgres(conn) => {
            let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
            // Keys stay readable: deliveries may be made meanwhile.
            sqlx::query("SELECT id FROM subscriptions WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE")
                .bind(ids)
                .execute(conn)
                .await
                .map(drop)
        }
    }
}
