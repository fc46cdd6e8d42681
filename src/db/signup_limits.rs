//! Table `signup_limits`: how much of each limit is taken up. See [`crate::domain::signup_limit`] for the rule.

use super::{DbError, EngineTx, Tx, encode, on_rows};
use jiff::Timestamp;
use std::collections::HashMap;

/// The name of the limit for everybody together.
pub const OVERALL: &str = "overall";
/// Most rows tidied away at once.
const TIDIED_AT_ONCE: i64 = 1000;

/// Until when the time of limits is taken up, by their names, in microseconds since 1970. The rows are held until the transaction
/// ends: another process counts after it.
pub async fn taken_until(
    tx: &mut Tx,
    mut names: Vec<&str>,
    now: Timestamp,
) -> Result<HashMap<String, i64>, DbError> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    // Everybody takes them in the same order: nobody waits for somebody who waits for them.
    names.sort_unstable();
    names.dedup();
    let rows: Vec<[&str; 1]> = names.into_iter().map(|name| [name]).collect();
    // The update changes nothing; it holds the row and makes RETURNING name it.
    let found: Vec<(String, i64)> = on_rows!(
        tx,
        ["INSERT INTO signup_limits (name, taken_until) SELECT value ->> 0, $2 FROM"],
        ["WHERE true ON CONFLICT (name) DO UPDATE SET taken_until = signup_limits.taken_until \
             RETURNING name, taken_until"],
        |conn, query| sqlx::query_as(query)
            .bind(encode(&rows)?)
            .bind(now.as_microsecond())
            .fetch_all(conn)
            .await?
    );
    Ok(found.into_iter().collect())
}

/// Writes down until when the time of limits is taken up now. The caller holds their rows.
pub async fn set_taken_until(tx: &mut Tx, limits: &[(String, i64)]) -> Result<(), DbError> {
    if limits.is_empty() {
        return Ok(());
    }
    on_rows!(
        tx,
        ["UPDATE signup_limits SET taken_until = new.until FROM \
             (SELECT value ->> 0 AS name, CAST(value ->> 1 AS BIGINT) AS until FROM"],
        [") AS new WHERE signup_limits.name = new.name"],
        |conn, query| sqlx::query(query).bind(encode(limits)?).execute(conn).await.map(drop)
    )
}

/// The same, without holding anything: how it stands, and not more.
pub async fn look(tx: &mut Tx, names: &[&str]) -> Result<HashMap<String, i64>, DbError> {
    let rows: Vec<[&str; 1]> = names.iter().map(|name| [*name]).collect();
    let found: Vec<(String, i64)> = on_rows!(
        tx,
        ["SELECT name, taken_until FROM signup_limits WHERE name IN (SELECT value ->> 0 FROM"],
        [")"],
        |conn, query| sqlx::query_as(query).bind(encode(&rows)?).fetch_all(conn).await?
    );
    Ok(found.into_iter().collect())
}

/// Removes rows whose time is past: they say nothing any more. One that somebody is counting on stays.
pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    macro_rules! tidy {
        ($conn:ident, $lock:literal) => {
            sqlx::query(concat!(
                "DELETE FROM signup_limits WHERE taken_until <= $1 AND name IN \
                 (SELECT name FROM signup_limits WHERE taken_until <= $1 ORDER BY taken_until LIMIT $2 ",
                $lock,
                ")"
            ))
            .bind(now.as_microsecond())
            .bind(TIDIED_AT_ONCE)
            .execute($conn)
            .await
            .map(drop)
        };
    }
    match tx.by_engine() {
        EngineTx::Sqlite(conn) => tidy!(conn, ""),
        EngineTx::Postgres(conn) => tidy!(conn, "FOR UPDATE SKIP LOCKED"),
    }
}
