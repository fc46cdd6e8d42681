//! Table `signup_limits`: how much of each limit is taken up. See [`crate::domain::signup_limit`] for the rule.

use super::{DbError, Tx, on};
use crate::domain::signup_limit::Limit;
use jiff::{SignedDuration, Timestamp};

/// Most rows tidied away at once.
const TIDIED_AT_ONCE: i64 = 1000;

/// Counts one in, in one statement. `false`: the limit is reached, and nothing is changed.
pub async fn take(tx: &mut Tx, name: &str, limit: Limit, now: Timestamp) -> Result<bool, DbError> {
    let now = now.as_microsecond();
    on!(tx, |conn| {
        sqlx::query(
        "INSERT INTO signup_limits (name, taken_until) VALUES ($1, $2 + $3) ON CONFLICT (name) DO UPDATE \
         SET taken_until = CASE WHEN signup_limits.taken_until > $2 THEN signup_limits.taken_until ELSE $2 END + $3 \
         WHERE signup_limits.taken_until <= $4"
    )
    .bind(name)
    .bind(now)
    .bind(limit.share_micros())
    .bind(now + limit.within_micros() - limit.share_micros())
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
    })
}

/// How long until the limit takes another one.
pub async fn wait(tx: &mut Tx, name: &str, limit: Limit, now: Timestamp) -> Result<SignedDuration, DbError> {
    let until: Option<i64> =
        on!(tx, |conn| sqlx::query_scalar("SELECT taken_until FROM signup_limits WHERE name = $1")
            .bind(name)
            .fetch_optional(conn)
            .await?);
    let now = now.as_microsecond();
    Ok(limit.wait(until.unwrap_or(now), now))
}

/// Removes rows whose time is past: they say nothing any more.
pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "DELETE FROM signup_limits WHERE name IN \
         (SELECT name FROM signup_limits WHERE taken_until <= $1 ORDER BY taken_until LIMIT $2)"
    )
    .bind(now.as_microsecond())
    .bind(TIDIED_AT_ONCE)
    .execute(conn)
    .await
    .map(drop))
}
