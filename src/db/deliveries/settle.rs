//! What is settled for many deliveries at once: doubts, ends, and how much is left.
//!
//! Conditions repeat the words of a partial index where they could be shorter: SQLite does not see that one follows from the other.
//!
//! On PostgreSQL such statements pass over rows that somebody else writes at this moment (the recorder, in an order of its own):
//! waiting for them could be waiting for each other. They are called again.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{delivery::status::DeliveryStatus, ids::IssueId},
};
use jiff::Timestamp;

/// Gives up what has waited since before `due_before`: tomorrow's issue is on its way by then. To be called only when that may
/// be so: it looks at all that waits.
pub async fn give_up(
    tx: &mut Tx,
    issue: IssueId,
    due_before: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    macro_rules! give_up {
        ($which:literal) => {
            concat!(
                "UPDATE deliveries SET status = 'failed', finished_at = $3 WHERE id IN (SELECT id \
                 FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') AND due_at < $2 AND ",
                $which,
                " {skip_locked})"
            )
        };
    }
    let (due_before, now) = (DbTime(due_before), DbTime(now));
    query!(tx, give_up!("throttled_domain IS NULL"), issue, due_before, now).execute().await?;
    query!(tx, give_up!("throttled_domain IS NOT NULL"), issue, due_before, now).execute().await
}

/// Skips up to `limit` deliveries that were not begun and never will be. Returns how many.
pub async fn skip_open(
    tx: &mut Tx,
    issue: IssueId,
    reason: &str,
    now: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    macro_rules! skip {
        ($which:literal) => {
            query!(
                tx,
                concat!(
                    "UPDATE deliveries SET status = 'skipped', claim_id = NULL, finished_at = $3, \
                     reply_text = $2 WHERE id IN (SELECT id FROM deliveries WHERE issue_id = $1 AND ",
                    $which,
                    " LIMIT $4 {skip_locked})"
                ),
                issue,
                reason,
                DbTime(now),
                limit
            )
            .rows_affected()
            .await?
        };
    }
    // One after the other, each in the words of an index.
    Ok(skip!("status IN ('queued', 'deferred') AND throttled_domain IS NULL")
        + skip!("status IN ('queued', 'deferred') AND throttled_domain IS NOT NULL")
        + skip!("status IN ('claimed', 'sending') AND status = 'claimed'"))
}

/// Lets deliveries in doubt go out again, with the Message-ID they had.
pub async fn retry_uncertain(tx: &mut Tx, issue: IssueId, now: Timestamp) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE deliveries SET status = 'queued', next_attempt_at = $2, claim_id = NULL WHERE id IN (\
         SELECT id FROM deliveries WHERE issue_id = $1 AND status IN ('failed', 'uncertain', 'skipped') \
         AND status = 'uncertain' {skip_locked})",
        issue,
        DbTime(now)
    )
    .rows_affected()
    .await
}

/// Settles deliveries in doubt for good, as an operator knows them to have ended. Returns how many.
pub async fn settle_uncertain(
    tx: &mut Tx,
    issue: IssueId,
    status: DeliveryStatus,
    now: Timestamp,
) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE deliveries SET status = $2, finished_at = $3, claim_id = NULL WHERE issue_id = $1 \
         AND status = 'uncertain'",
        issue,
        status,
        DbTime(now)
    )
    .rows_affected()
    .await
}

/// What is left of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Remaining {
    /// Deliveries wait for their moment.
    pub waiting: bool,
    /// Workers hold some, or died with them.
    pub leased: bool,
    /// Some are in doubt.
    pub uncertain: bool,
}

impl Remaining {
    /// Nothing is left to do.
    pub const fn is_done(self) -> bool {
        !self.waiting && !self.leased && !self.uncertain
    }
}

/// What is left of an issue, without counting it.
pub async fn remaining(tx: &mut Tx, issue: IssueId) -> Result<Remaining, DbError> {
    query_as!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') \
         AND throttled_domain IS NULL) OR EXISTS (SELECT 1 FROM deliveries WHERE issue_id = $1 \
         AND status IN ('queued', 'deferred') AND throttled_domain IS NOT NULL) AS waiting, EXISTS (SELECT 1 \
         FROM deliveries WHERE issue_id = $1 AND status IN ('claimed', 'sending')) AS leased, EXISTS (\
         SELECT 1 FROM deliveries WHERE issue_id = $1 AND status IN ('failed', 'uncertain', 'skipped') \
         AND status = 'uncertain') AS uncertain",
        issue
    )
    .fetch_one()
    .await
}

/// When the next waiting delivery of an issue is due.
pub async fn next_due(tx: &mut Tx, issue: IssueId) -> Result<Option<Timestamp>, DbError> {
    let common: Option<DbTime> = query_scalar!(
        tx,
        "SELECT min(next_attempt_at) FROM deliveries WHERE issue_id = $1 \
         AND status IN ('queued', 'deferred') AND throttled_domain IS NULL",
        issue
    )
    .fetch_one()
    .await?;
    let throttled_domain: Option<DbTime> = query_scalar!(
        tx,
        "SELECT min(CASE WHEN p.given_until > d.next_attempt_at THEN p.given_until ELSE d.next_attempt_at \
         END) FROM (SELECT g.domain, (SELECT min(x.next_attempt_at) FROM deliveries x \
         WHERE x.issue_id = g.issue_id AND x.throttled_domain = g.domain \
         AND x.status IN ('queued', 'deferred')) AS next_attempt_at FROM throttled_domains g \
         WHERE g.issue_id = $1) d LEFT JOIN send_rates p ON p.scope = 'domain ' || d.domain \
         WHERE d.next_attempt_at IS NOT NULL",
        issue
    )
    .fetch_one()
    .await?;
    Ok([common, throttled_domain].into_iter().flatten().min().map(Timestamp::from))
}
