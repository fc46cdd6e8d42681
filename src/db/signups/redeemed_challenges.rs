//! Table `redeemed_challenges`: used challenges, so that none is used twice. See
//! [`crate::domain::signup::challenge`].

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_scalar},
        },
    },
    domain::signup::challenge::{LIFETIME, VerifiedToken},
};
use jiff::Timestamp;
use std::collections::HashSet;

/// The most rows removed at once.
const TIDIED_AT_ONCE: i64 = 1000;

/// Redeems tokens. Returns those that were not redeemed before.
pub async fn redeem(
    tx: &mut Tx,
    tokens: impl Iterator<Item = &VerifiedToken>,
    now: Timestamp,
) -> Result<HashSet<String>, DbError> {
    let mut signatures: Vec<&str> = tokens.map(|token| token.0.as_str()).collect();
    if signatures.is_empty() {
        return Ok(HashSet::new());
    }
    // Every transaction inserts in the same order, so that two can't wait for each other.
    signatures.sort_unstable();
    signatures.dedup();
    // Kept for longer than they can be redeemed, because the clocks of several machines may differ.
    let expires_at = now + LIFETIME * 2;
    let redeemed: Vec<String> = query_scalar!(
        tx,
        "INSERT INTO redeemed_challenges (signature, expires_at) SELECT value, $2 FROM {list $1} \
         WHERE true ON CONFLICT (signature) DO NOTHING RETURNING signature",
        DbList(&signatures),
        DbTime(expires_at)
    )
    .fetch_all()
    .await?;
    Ok(redeemed.into_iter().collect())
}

/// Removes rows of challenges that have expired.
pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "DELETE FROM redeemed_challenges WHERE signature IN (SELECT signature FROM redeemed_challenges \
         WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        DbTime(now),
        TIDIED_AT_ONCE
    )
    .execute()
    .await
}
