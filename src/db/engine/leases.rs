//! Table `turns`: work that only one process may do at a time.

use crate::db::{DbError, Stamp, Tx, on};
use jiff::Timestamp;

/// Takes a turn until a moment, or prolongs it; `false`: it is somebody else's.
pub async fn take(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO turns (name, holder, until) VALUES ($1, $2, $4) ON CONFLICT (name) DO UPDATE \
         SET holder = excluded.holder, until = excluded.until WHERE turns.holder = $2 OR turns.until < $3"
    )
    .bind(name)
    .bind(holder)
    .bind(Stamp(now))
    .bind(Stamp(until))
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1))
}

/// Gives a turn up.
pub async fn give_up(tx: &mut Tx, name: &str, holder: &str) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("DELETE FROM turns WHERE name = $1 AND holder = $2")
        .bind(name)
        .bind(holder)
        .execute(conn)
        .await
        .map(drop))
}
