//! Table `scheduler_clock`, and the correction of moments that a wrong clock wrote.

use crate::db::{
    DbError, DbTime, Tx,
    engine::query::{query, query_as},
};
use jiff::{SignedDuration, Timestamp};

/// When the clock was wrong last.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct SchedulerClock {
    /// The last run of a scheduler.
    pub seen_at: DbTime,
    /// The time that the clock showed when it was last wrong.
    pub wrong_at: Option<DbTime>,
    /// When that was noticed.
    pub corrected_at: Option<DbTime>,
}

/// Statements that cap a moment at `$1`, in groups with the time by which such a moment may lie ahead. The
/// consent ledger is evidence and stays as it is, and so do the times readers chose.
const CAPS: &[(SignedDuration, &[&str])] = &[
    // The past can't lie ahead.
    (
        SignedDuration::ZERO,
        &[
            "UPDATE feeds SET woken_at = NULL WHERE woken_at > $1",
            "UPDATE feeds SET polled_at = $1 WHERE polled_at > $1",
            "UPDATE feeds SET succeeded_at = $1 WHERE succeeded_at > $1",
            "UPDATE feeds SET last_item_at = $1 WHERE last_item_at > $1",
            "UPDATE feeds SET failing_since = $1 WHERE failing_since > $1",
            "UPDATE feeds SET trouble_since = $1 WHERE trouble_since > $1",
            "UPDATE articles SET first_seen_at = $1 WHERE first_seen_at > $1",
            "UPDATE articles SET fresh_at = $1 WHERE fresh_at > $1",
            "UPDATE articles SET check_woken_at = NULL WHERE check_woken_at > $1",
            "UPDATE subscriptions SET signup_mailed_at = $1 WHERE signup_mailed_at > $1",
            "UPDATE subscriptions SET requested_at = $1 WHERE requested_at > $1",
            "UPDATE signup_watch SET looked_at = $1 WHERE looked_at > $1",
            "UPDATE signup_watch SET seen_at = $1 WHERE seen_at > $1",
            "UPDATE signup_watch SET told_at = $1 WHERE told_at > $1",
            "UPDATE signup_alarms SET reaches_to = $1 WHERE reaches_to > $1",
            "UPDATE signup_alarms SET ended_at = $1 WHERE ended_at > $1",
            "UPDATE issues SET woken_at = NULL WHERE woken_at > $1",
            "UPDATE issues SET planned_at = NULL WHERE planned_at > $1 AND status = 'planned'",
            "UPDATE issues SET planned_at = $1 WHERE planned_at > $1",
            "UPDATE emails SET woken_at = NULL WHERE woken_at > $1",
            "UPDATE processes SET seen_at = $1 WHERE seen_at > $1",
        ],
    ),
    // Leases and permits.
    (
        SignedDuration::from_mins(2),
        &[
            "UPDATE leases SET until = $1 WHERE until > $1",
            "UPDATE claims SET until = $1 WHERE until > $1",
            "UPDATE emails SET claimed_until = $1 WHERE claimed_until > $1",
            "UPDATE connection_quotas SET until = $1 WHERE until > $1",
            "UPDATE send_rates SET given_until = $1 WHERE given_until > $1",
            "UPDATE send_rates SET slowed_at = $1 WHERE slowed_at > $1",
        ],
    ),
    // Further attempts.
    (
        SignedDuration::from_hours(1),
        &[
            "UPDATE feeds SET next_poll_at = $1 WHERE next_poll_at > $1",
            "UPDATE feeds SET not_before = NULL WHERE not_before > $1",
            "UPDATE articles SET check_after = $1 WHERE check_after > $1",
            "UPDATE emails SET next_attempt_at = $1 WHERE next_attempt_at > $1 \
             AND finished_at IS NULL",
            "UPDATE signups SET try_after = $1 WHERE try_after > $1",
        ],
    ),
    (
        SignedDuration::from_hours(48),
        &[
            "UPDATE deliveries SET next_attempt_at = $1 WHERE next_attempt_at > $1 \
             AND status IN ('queued', 'deferred')",
            "UPDATE signups SET held_until = $1 WHERE held_until > $1",
        ],
    ),
];

/// Returns the times that the schedulers' clocks showed.
pub async fn get(tx: &mut Tx) -> Result<Option<SchedulerClock>, DbError> {
    query_as!(tx, "SELECT seen_at, wrong_at, corrected_at FROM scheduler_clock WHERE id = 1")
        .fetch_optional()
        .await
}

/// Records a run of a scheduler.
pub async fn set_seen(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO scheduler_clock (id, seen_at) VALUES (1, $1) \
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        DbTime(now)
    )
    .execute()
    .await
}

/// Caps every stored moment at now, plus the time by which it may lie ahead. `wrong` is the time that the clock showed.
pub async fn correct(tx: &mut Tx, wrong: DbTime, now: Timestamp) -> Result<(), DbError> {
    for (ahead, statements) in CAPS {
        for statement in *statements {
            query!(tx, portable * statement, DbTime(now + *ahead)).execute().await?;
        }
    }
    query!(tx, "UPDATE rate_limits SET tat = $1 WHERE tat > $1", now.as_microsecond()).execute().await?;
    query!(
        tx,
        "UPDATE scheduler_clock SET seen_at = $2, wrong_at = $1, corrected_at = $2 WHERE id = 1",
        wrong,
        DbTime(now)
    )
    .execute()
    .await
}
