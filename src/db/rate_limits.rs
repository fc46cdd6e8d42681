//! Table `rate_limits`: the state of every rate limit, shared by all processes. See
//! [`crate::domain::rate_limit`].

use super::{DbError, Tx};
use crate::db::engine::{
    columns::DbList,
    query::{json_rows, query, query_as},
};
use crate::domain::rate_limit::Limit;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// The most rows removed at once.
const TIDIED_AT_ONCE: i64 = 1000;

/// An event: the limits it counts against, each with its key.
pub type Request = Vec<(String, Limit)>;

/// Whether an event is allowed. The error is the time until it is.
pub type Verdict = Result<(), SignedDuration>;

#[derive(serde::Serialize)]
struct Row {
    key: String,
    tat: i64,
}

/// Checks events in order. Debits each allowed event on all of its limits; a refused event debits nothing.
/// Locks the keys until the transaction ends.
pub async fn check(tx: &mut Tx, requests: &[Request], now: Timestamp) -> Result<Vec<Verdict>, DbError> {
    let mut tats = lock(tx, requests, now).await?;
    let now = now.as_microsecond();
    let mut changed = HashMap::new();
    let mut verdicts = Vec::with_capacity(requests.len());
    for request in requests {
        let debit = |(key, limit): &(String, Limit)| {
            let tat = tats.get(key).copied().unwrap_or(now);
            Ok((key.clone(), limit.check(tat, now)?))
        };
        let debits: Result<Vec<(String, i64)>, SignedDuration> = request.iter().map(debit).collect();
        verdicts.push(debits.map(|debits| {
            changed.extend(debits.clone());
            tats.extend(debits);
        }));
    }
    store(tx, changed).await?;
    Ok(verdicts)
}

/// Returns the TATs of keys in microseconds, without locking or changing anything. Unused keys are left out.
pub async fn peek(tx: &mut Tx, keys: &[&str]) -> Result<HashMap<String, i64>, DbError> {
    let found: Vec<(String, i64)> =
        query_as!(tx, "SELECT key, tat FROM rate_limits WHERE key {in $1}", DbList(keys)).fetch_all().await?;
    Ok(found.into_iter().collect())
}

/// Locks the rows of all keys and returns their TATs.
async fn lock(tx: &mut Tx, requests: &[Request], now: Timestamp) -> Result<HashMap<String, i64>, DbError> {
    let mut keys: Vec<&str> = requests.iter().flatten().map(|(key, _)| key.as_str()).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    // Every transaction locks in the same order, so that two can't wait for each other.
    keys.sort_unstable();
    keys.dedup();
    // The update changes nothing. It locks the row and makes RETURNING name it.
    let found: Vec<(String, i64)> = query_as!(
        tx,
        "INSERT INTO rate_limits (key, tat) SELECT value, $2 FROM {list $1} WHERE true \
         ON CONFLICT (key) DO UPDATE SET tat = rate_limits.tat RETURNING key, tat",
        DbList(&keys),
        now.as_microsecond()
    )
    .fetch_all()
    .await?;
    Ok(found.into_iter().collect())
}

/// Saves the TATs of keys whose rows the transaction has locked.
async fn store(tx: &mut Tx, changed: HashMap<String, i64>) -> Result<(), DbError> {
    if changed.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = changed.into_iter().map(|(key, tat)| Row { key, tat }).collect();
    query!(
        tx,
        "UPDATE rate_limits SET tat = new.tat FROM (SELECT value ->> 'key' AS key, \
         CAST(value ->> 'tat' AS BIGINT) AS tat FROM {rows $1}) AS new WHERE rate_limits.key = new.key",
        json_rows(&rows)?
    )
    .execute()
    .await
}

/// Removes rows whose TAT is past, which have no effect. Skips rows that another process has locked.
pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "DELETE FROM rate_limits WHERE tat <= $1 AND key IN (SELECT key FROM rate_limits WHERE tat <= $1 \
         ORDER BY tat LIMIT $2 {skip_locked})",
        now.as_microsecond(),
        TIDIED_AT_ONCE
    )
    .execute()
    .await
}
