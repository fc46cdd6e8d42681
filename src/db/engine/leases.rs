//! Table `leases`: leases on work that only one process may do at a time.

use crate::db::{DbError, DbTime, Tx, engine::query::query};
use jiff::Timestamp;

/// Acquires a lease, or renews it. Returns `false` if another process holds it.
pub async fn acquire(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $4) ON CONFLICT (name) DO UPDATE \
         SET holder = excluded.holder, until = excluded.until WHERE leases.holder = $2 OR leases.until < $3",
        name,
        holder,
        DbTime(now),
        DbTime(until)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Releases a lease.
pub async fn release(tx: &mut Tx, name: &str, holder: &str) -> Result<(), DbError> {
    query!(tx, "DELETE FROM leases WHERE name = $1 AND holder = $2", name, holder).execute().await
}
