//! Statements that finish many deliveries at once, and summaries of the rest.
//!
//! Some conditions repeat that of a partial index although a shorter one would do, because SQLite can't infer
//! one from the other.
//!
//! On PostgreSQL these statements skip rows that another transaction has locked. The recorder locks in an
//! order of its own, so waiting could deadlock. Callers call again.

use crate::{
    db::{
        DbError, DbTime, Tx, cohorts,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        delivery::status::DeliveryStatus,
        ids::{IssueId, SubscriptionId},
    },
};
use jiff::Timestamp;

/// Gives up deliveries that have waited since before `due_before`, when tomorrow's issue is on its way. Reads
/// all waiting deliveries, so call it only when some may be that late.
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
                 FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') AND due_at < $2 \
                 AND ",
                $which,
                " {skip_locked}) RETURNING subscription_id"
            )
        };
    }
    let (due_before, now) = (DbTime(due_before), DbTime(now));
    let mut readers: Vec<SubscriptionId> =
        query_scalar!(tx, give_up!("throttled_domain IS NULL"), issue, due_before, now).fetch_all().await?;
    let mut throttled: Vec<SubscriptionId> =
        query_scalar!(tx, give_up!("throttled_domain IS NOT NULL"), issue, due_before, now)
            .fetch_all()
            .await?;
    readers.append(&mut throttled);
    cohorts::forget(tx, &readers).await
}

/// Skips up to `limit` deliveries that will not be begun. Returns their number.
pub async fn skip_open(
    tx: &mut Tx,
    issue: IssueId,
    reason: &str,
    now: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    macro_rules! skip {
        ($which:literal) => {
            query_scalar!(
                tx,
                concat!(
                    "UPDATE deliveries SET status = 'skipped', claim_id = NULL, finished_at = $3, \
                     reply_text = $2 WHERE id IN (SELECT id FROM deliveries WHERE issue_id = $1 AND ",
                    $which,
                    " LIMIT $4 {skip_locked}) RETURNING subscription_id"
                ),
                issue,
                reason,
                DbTime(now),
                limit
            )
            .fetch_all()
            .await?
        };
    }
    // Each condition is that of an index.
    let mut readers: Vec<SubscriptionId> =
        skip!("status IN ('queued', 'deferred') AND throttled_domain IS NULL");
    readers.append(&mut skip!("status IN ('queued', 'deferred') AND throttled_domain IS NOT NULL"));
    readers.append(&mut skip!("status = 'claimed' AND NOT begun"));
    cohorts::forget(tx, &readers).await?;
    Ok(readers.len() as u64)
}

/// More doubts than any limit of repeats, so that only an operator settles the delivery.
const ONLY_AN_OPERATOR: i64 = 1_000;

/// Makes up to `limit` unfinished deliveries uncertain until an operator settles them. Returns their number.
pub async fn doubt_open(tx: &mut Tx, issue: IssueId, reason: &str, limit: i64) -> Result<u64, DbError> {
    macro_rules! doubt {
        ($which:literal) => {
            query!(
                tx,
                concat!(
                    "UPDATE deliveries SET status = 'uncertain', begun = FALSE, doubted = TRUE, claim_id = NULL, \
                     doubts = $3, reply_text = $2 \
                     WHERE id IN (SELECT id FROM deliveries WHERE issue_id = $1 AND ",
                    $which,
                    " LIMIT $4 {skip_locked})"
                ),
                issue,
                reason,
                ONLY_AN_OPERATOR,
                limit
            )
            .rows_affected()
            .await?
        };
    }
    // Each condition is that of an index.
    Ok(doubt!("status IN ('queued', 'deferred') AND throttled_domain IS NULL")
        + doubt!("status IN ('queued', 'deferred') AND throttled_domain IS NOT NULL")
        + doubt!("status = 'claimed'")
        + doubt!("status IN ('failed', 'uncertain', 'skipped') AND status = 'uncertain' AND doubts <> $3"))
}

/// Counts the deliveries of an issue without a final answer.
pub async fn count_open(tx: &mut Tx, issue: IssueId) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT count(*) FROM deliveries WHERE issue_id = $1 \
         AND status IN ('queued', 'deferred', 'claimed', 'uncertain')",
        issue
    )
    .fetch_one()
    .await
}

/// Deliveries that one transaction settles.
pub const PORTION: i64 = 5_000;

macro_rules! uncertain {
    ($what:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM deliveries WHERE issue_id = $1 AND status IN ('failed', 'uncertain', 'skipped') \
             AND status = 'uncertain'"
        )
    };
}

/// Finds the uncertain deliveries of an issue.
pub const UNCERTAIN: &str = uncertain!("id");

/// Counts the uncertain deliveries of an issue.
pub async fn count_uncertain(tx: &mut Tx, issue: IssueId) -> Result<i64, DbError> {
    query_scalar!(tx, uncertain!("count(*)"), issue).fetch_one().await
}

/// Queues up to `limit` uncertain deliveries again, with the same Message-IDs. Returns their number. Those that relays
/// took more than `max_doubts` times without an answer wait for an operator.
pub async fn retry_uncertain(
    tx: &mut Tx,
    issue: IssueId,
    max_doubts: i64,
    now: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    query!(
        tx,
        concat!(
            "UPDATE deliveries SET status = 'queued', next_attempt_at = $2, claim_id = NULL WHERE id IN (",
            uncertain!("id"),
            " AND doubts <= $3 LIMIT $4 {skip_locked})"
        ),
        issue,
        DbTime(now),
        max_doubts,
        limit
    )
    .rows_affected()
    .await
}

/// Finishes up to `limit` uncertain deliveries in the state that an operator knows. Returns their number.
pub async fn settle_uncertain(
    tx: &mut Tx,
    issue: IssueId,
    status: DeliveryStatus,
    now: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let readers: Vec<SubscriptionId> = query_scalar!(
        tx,
        concat!(
            "UPDATE deliveries SET status = $2, finished_at = $3, claim_id = NULL WHERE id IN (",
            uncertain!("id"),
            " LIMIT $4 {skip_locked}) RETURNING subscription_id"
        ),
        issue,
        status,
        DbTime(now),
        limit
    )
    .fetch_all()
    .await?;
    if matches!(status, DeliveryStatus::Failed | DeliveryStatus::Skipped) {
        cohorts::forget(tx, &readers).await?;
    }
    if status == DeliveryStatus::Sent && !readers.is_empty() {
        let sent = i64::try_from(readers.len()).unwrap_or(i64::MAX);
        query!(tx, "UPDATE issues SET sent = sent + $2 WHERE id = $1", issue, sent).execute().await?;
    }
    Ok(readers.len() as u64)
}

/// The kinds of unfinished deliveries an issue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Remaining {
    pub waiting: bool,
    /// Some are claimed or in flight. Their worker may have crashed.
    pub leased: bool,
    /// Some are uncertain.
    pub uncertain: bool,
}

impl Remaining {
    /// Returns whether all deliveries are finished.
    pub const fn is_done(self) -> bool {
        !self.waiting && !self.leased && !self.uncertain
    }
}

/// Returns which kinds of unfinished deliveries an issue has, without counting them.
pub async fn remaining(tx: &mut Tx, issue: IssueId) -> Result<Remaining, DbError> {
    query_as!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') \
         AND throttled_domain IS NULL) OR EXISTS (SELECT 1 FROM deliveries WHERE issue_id = $1 \
         AND status IN ('queued', 'deferred') AND throttled_domain IS NOT NULL) AS waiting, EXISTS (SELECT 1 \
         FROM deliveries WHERE issue_id = $1 AND status = 'claimed') AS leased, EXISTS (\
         SELECT 1 FROM deliveries WHERE issue_id = $1 AND status IN ('failed', 'uncertain', 'skipped') \
         AND status = 'uncertain') AS uncertain",
        issue
    )
    .fetch_one()
    .await
}

/// Returns when the next waiting delivery of an issue is due.
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
