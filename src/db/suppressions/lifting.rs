//! Lifting suppressions: by an operator, by a confirmed signup, and when the breaker holds the issue whose
//! relay answered wrongly.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_scalar},
        },
        subscribers::erased_addresses,
    },
    domain::ids::IssueId,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;

/// The result of lifting suppressions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Lifted {
    /// Addresses that may be emailed again.
    pub addresses: u64,
    /// Subscriptions that are active again.
    pub subscriptions: u64,
}

/// Lifts the suppressions of addresses, those of erased readers too. Subscriptions that a suppression ended are
/// active again.
pub async fn lift_addresses(tx: &mut Tx, keys: &[String]) -> Result<Lifted, DbError> {
    let subscriptions = query!(
        tx,
        "UPDATE subscriptions SET status = 'active', ended_at = NULL WHERE status = 'undeliverable' \
         AND subscriber_id IN (SELECT id FROM subscribers WHERE address_key {in $1}) AND ended_at = \
         (SELECT x.created_at FROM suppressions x JOIN subscribers r ON r.address_key = x.address_key \
         WHERE r.id = subscriptions.subscriber_id)",
        DbList(keys)
    )
    .rows_affected()
    .await?;
    let lifted: Vec<String> = query_scalar!(
        tx,
        "DELETE FROM suppressions WHERE address_key {in $1} RETURNING address_key",
        DbList(keys)
    )
    .fetch_all()
    .await?;
    let mut addresses: HashSet<String> = lifted.into_iter().collect();
    addresses.extend(erased_addresses::lift(tx, keys).await?);
    Ok(Lifted { addresses: addresses.len() as u64, subscriptions })
}

/// Returns the addresses that an issue's refusals suppressed: all of them, or those since its breaker's score
/// began.
pub async fn suppressed_by(tx: &mut Tx, issue: IssueId, since_resumed: bool) -> Result<Vec<String>, DbError> {
    query_scalar!(
        tx,
        "SELECT x.address_key FROM suppressions x JOIN issues i ON i.id = x.issue_id WHERE i.id = $1 \
         AND ($2 = 0 OR i.resumed_at IS NULL OR x.created_at >= i.resumed_at)",
        issue,
        i64::from(since_resumed)
    )
    .fetch_all()
    .await
}

/// Claims the one confirmation email that suppressed addresses may get in `interval` after a new signup. Returns
/// the keys of those that may get it now. Readers who complained get none.
pub async fn claim_confirmations(
    tx: &mut Tx,
    keys: &[String],
    interval: SignedDuration,
    now: Timestamp,
) -> Result<HashSet<String>, DbError> {
    let claimed: Vec<String> = query_scalar!(
        tx,
        "UPDATE suppressions SET asked_at = $2 WHERE address_key {in $1} AND reason NOT LIKE 'complained%' \
         AND (asked_at IS NULL OR asked_at <= $3) RETURNING address_key",
        DbList(keys),
        DbTime(now),
        DbTime(now - interval)
    )
    .fetch_all()
    .await?;
    Ok(claimed.into_iter().collect())
}
