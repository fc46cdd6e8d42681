//! Columns `held_…` of `send_rates`: destinations whose email the breaker holds back for a while.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as},
        throttle::send_rates::Scope,
    },
    domain::delivery::send_rate::ReducedRate,
};
use jiff::Timestamp;

/// A destination that is held.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldDestination {
    pub domain: String,
    pub since: DbTime,
    pub until: DbTime,
    /// Such as `refuses 12 % of its emails: 550 5.7.1 …`.
    pub reason: String,
}

/// Holds a destination until a time: no permits are given before, and few at first from then on. Operators are
/// alerted again only about another cause, or after a day.
pub async fn hold(
    tx: &mut Tx,
    domain: &str,
    reason: &str,
    until: Timestamp,
    afterwards: ReducedRate,
    now: Timestamp,
) -> Result<(), DbError> {
    let known: Option<(Option<String>, Option<DbTime>)> = query_as!(
        tx,
        "SELECT held_reason, held_told_at FROM send_rates WHERE scope = $1",
        Scope::Domain(domain).to_string()
    )
    .fetch_optional()
    .await?;
    let told_at = known.and_then(|(known, told_at)| {
        let is_same = known.as_deref().map(cause) == Some(cause(reason));
        let is_recent = told_at.is_some_and(|at| now.duration_since(at.0).as_hours() < 24);
        told_at.filter(|_| is_same && is_recent)
    });
    query!(
        tx,
        "INSERT INTO send_rates (scope, given_until, slowed_to, slowed_at, complaint, held_since, held_until, \
         held_reason, held_told_at) VALUES ($1, $2, $3, $2, $4, $5, $2, $4, $6) ON CONFLICT (scope) DO UPDATE \
         SET given_until = excluded.given_until, slowed_to = excluded.slowed_to, slowed_at = \
         excluded.slowed_at, complaint = excluded.complaint, held_since = excluded.held_since, held_until = \
         excluded.held_until, held_reason = excluded.held_reason, held_told_at = excluded.held_told_at",
        Scope::Domain(domain).to_string(),
        DbTime(until),
        i64::from(afterwards.per_minute),
        reason,
        DbTime(now),
        told_at
    )
    .execute()
    .await
}

/// Returns the cause in a reason: its codes, without the percentage and the server's words.
fn cause(reason: &str) -> String {
    let answer = reason.split_once(": ").map_or("", |(_, answer)| answer);
    answer.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Returns the destinations that are held now.
pub async fn current(tx: &mut Tx, now: Timestamp) -> Result<Vec<HeldDestination>, DbError> {
    query_as!(
        tx,
        "SELECT substr(scope, 8) AS domain, held_since AS since, held_until AS until, held_reason AS reason \
         FROM send_rates WHERE held_until > $1 AND scope LIKE 'domain %' ORDER BY scope",
        DbTime(now)
    )
    .fetch_all()
    .await
}

/// Marks the held destinations that operators weren't told about as told. Returns their number.
pub async fn set_told(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE send_rates SET held_told_at = $1 WHERE held_until > $1 AND held_told_at IS NULL",
        DbTime(now)
    )
    .rows_affected()
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_the_code_of_the_answer() {
        assert_eq!(cause("refuses 12 % of its emails: 550 5.7.1 go away"), "550 5.7.1");
        assert_eq!(cause("refuses 30 % of its emails: 550 5.7.1 please"), "550 5.7.1");
        assert_eq!(cause("refuses everything"), "");
    }
}
