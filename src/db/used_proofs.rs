//! Table `used_proofs`: proofs of work and waiting tickets that were used. See [`crate::domain::proof_of_work`].

use super::{DbError, Stamp, Tx, on};
use crate::domain::proof_of_work::Shown;
use jiff::Timestamp;

/// Most rows tidied away at once.
const TIDIED_AT_ONCE: i64 = 1000;

/// Uses a proof or ticket up. `client`: whose ticket it was. `false`: it was used before.
pub async fn insert(
    tx: &mut Tx,
    shown: &Shown,
    client: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "INSERT INTO used_proofs (name, used_at, expires_at, client) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING"
    )
    .bind(&shown.name)
    .bind(Stamp(now))
    .bind(Stamp(shown.expires_at))
    .bind(client)
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
    })
}

/// How many tickets were used since then: by everybody, and by one client.
pub async fn tickets(
    tx: &mut Tx,
    client: &str,
    all_since: Timestamp,
    own_since: Timestamp,
) -> Result<(i64, i64), DbError> {
    let all = count(tx, None, all_since).await?;
    Ok((all, count(tx, Some(client), own_since).await?))
}

async fn count(tx: &mut Tx, client: Option<&str>, since: Timestamp) -> Result<i64, DbError> {
    on!(tx, |conn| {
        sqlx::query_scalar(
        "SELECT count(*) FROM used_proofs WHERE client IS NOT NULL AND used_at > $1 AND client = COALESCE($2, client)"
    )
    .bind(Stamp(since))
    .bind(client)
    .fetch_one(conn)
    .await
    })
}

/// Removes what could not be used any more anyway.
pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "DELETE FROM used_proofs WHERE name IN (SELECT name FROM used_proofs WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
    )
    .bind(Stamp(now))
    .bind(TIDIED_AT_ONCE)
    .execute(conn)
    .await
    .map(drop)
    })
}
