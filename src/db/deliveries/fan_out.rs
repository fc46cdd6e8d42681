//! Fan-out: makes an issue's deliveries from its readers.

use crate::{
    db::{
        DbError, DbTime, Tx, cohorts,
        deliveries::groups::{Lookup, Past, reader_key},
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
    },
    domain::{
        ids::{IssueId, NewsletterId, SubscriptionId},
        issue::plan::OTHERS,
        subscriber::cadence::Cadence,
    },
};
use jiff::Timestamp;

/// The parameters of a fan-out.
#[derive(Debug, Clone)]
pub struct FanOut<'a> {
    /// The issue. Its groups and waves are saved already.
    pub issue: IssueId,
    pub newsletter: NewsletterId,
    /// The cadences the issue is for.
    pub cadences: &'a [Cadence],
    /// The earlier variants that distinguish its groups.
    pub past: &'a Past,
    /// When readers are due whose clock has no wave.
    pub due_at: Timestamp,
    /// Readers who were due before this time have missed the issue.
    pub missed_before: Timestamp,
    /// Domains that are throttled from the beginning.
    pub throttled_domains: &'a [String],
}

/// The reason in the rows of readers who were due too long ago.
const MISSED: &str =
    "missed: nothing was sent at its time on the reader's clock, nor within the grace after it";

/// A portion of a fan-out.
#[derive(Debug, Clone, Copy)]
pub struct Portion {
    /// The last subscription read. `None`: no reader was left.
    pub up_to: Option<i64>,
    /// The number of new deliveries.
    pub made: u64,
    /// No reader is left after it.
    pub is_last: bool,
}

/// Makes deliveries for the next active, unsuppressed readers after a subscription, at most `limit` in one
/// statement.
pub async fn fan_out(
    tx: &mut Tx,
    fan_out: &FanOut<'_>,
    after: i64,
    limit: i64,
    now: Timestamp,
) -> Result<Portion, DbError> {
    let (up_to, eligible, read): (Option<i64>, i64, i64) = query_as!(
        tx,
        "SELECT max(id), count(CASE WHEN cadence {in $4} THEN 1 END), count(*) FROM (SELECT id, cadence \
         FROM subscriptions WHERE newsletter_id = $1 AND status = 'active' AND id > $2 ORDER BY id LIMIT $3) \
         AS next",
        fan_out.newsletter,
        after,
        limit,
        DbList(fan_out.cadences)
    )
    .fetch_one()
    .await?;
    let Some(up_to) = up_to else { return Ok(Portion { up_to: None, made: 0, is_last: true }) };
    leave_cohorts(tx, fan_out, after, up_to).await?;
    // Everything about a reader is looked up by key in subqueries. PostgreSQL has no statistics yet about
    // this issue's waves and groups, and would choose bad join orders. The limits never apply: they only stop
    // PostgreSQL from computing keys and variants twice.
    let made = query!(
        tx,
        concat!(
            "INSERT INTO deliveries (issue_id, variant_id, subscriber_id, subscription_id, status, due_at, \
             next_attempt_at, throttled_domain, finished_at, reply_text) SELECT $2, t.variant_id, \
             t.subscriber_id, t.id, CASE WHEN t.due_at < $7 THEN 'skipped' ELSE 'queued' END, \
             CASE WHEN t.due_at < $8 THEN $8 ELSE t.due_at END, \
             CASE WHEN t.due_at < $8 THEN $8 ELSE t.due_at END, NULLIF(t.throttled_domain, ''), \
             CASE WHEN t.due_at < $7 THEN $8 END, CASE WHEN t.due_at < $7 THEN $9 END FROM (\
             SELECT k.subscriber_id, k.id, k.due_at, k.throttled_domain, CASE WHEN k.cohort_id IS NOT NULL \
             THEN COALESCE((SELECT c.variant_id FROM issue_cohorts c WHERE c.issue_id = $2 \
             AND c.cohort_id = k.cohort_id), 0) ELSE COALESCE((SELECT COALESCE(g.variant_id, 0) \
             FROM issue_groups g WHERE g.issue_id = $2 AND g.key = k.key), (SELECT COALESCE(g.variant_id, 0) \
             FROM issue_groups g WHERE g.issue_id = $2 AND g.key = $5), 0) END AS variant_id FROM (\
             SELECT s.subscriber_id, s.id, s.cohort_id, COALESCE((SELECT w.due_at FROM issue_waves w \
             WHERE w.issue_id = $2 AND w.clock = s.clock), $6) AS due_at, CASE WHEN s.cohort_id IS NULL THEN ",
            reader_key!(),
            " END AS key, (SELECT CASE WHEN EXISTS (SELECT 1 FROM suppressions x \
             WHERE x.address_key = r.address_key) THEN NULL WHEN r.domain {in $10} \
             THEN r.domain ELSE '' END FROM subscribers r WHERE r.id = s.subscriber_id) AS throttled_domain \
             FROM subscriptions s WHERE s.newsletter_id = $3 AND s.status = 'active' AND s.id > $11 \
             AND s.id <= $12 AND s.cadence {in $4} ORDER BY s.id LIMIT 1000000) AS k \
             LIMIT 1000000) AS t WHERE t.variant_id > 0 AND t.throttled_domain IS NOT NULL \
             ON CONFLICT (issue_id, subscriber_id) DO NOTHING"
        ),
        DbList(&fan_out.past.variants),
        fan_out.issue,
        fan_out.newsletter,
        DbList(fan_out.cadences),
        OTHERS,
        DbTime(fan_out.due_at),
        DbTime(fan_out.missed_before),
        DbTime(now),
        MISSED,
        DbList(fan_out.throttled_domains),
        after,
        up_to
    )
    .rows_affected()
    .await?;
    if i64::try_from(made).unwrap_or(i64::MAX) < eligible || fan_out.missed_before > Timestamp::UNIX_EPOCH {
        forget_unserved(tx, fan_out, after, up_to).await?;
    }
    Ok(Portion { up_to: Some(up_to), made, is_last: read < limit })
}

/// Takes readers of a portion out of their cohorts if their pasts have to be looked up.
async fn leave_cohorts(tx: &mut Tx, fan_out: &FanOut<'_>, after: i64, up_to: i64) -> Result<(), DbError> {
    macro_rules! readers {
        ($which:literal) => {
            concat!(
                "SELECT s.id FROM subscriptions s WHERE s.newsletter_id = $1 AND s.status = 'active' \
                 AND s.id > $2 AND s.id <= $3 AND s.cohort_id IS NOT NULL",
                $which
            )
        };
    }
    let newsletter = fan_out.newsletter;
    let ids: Vec<SubscriptionId> = match &fan_out.past.readers {
        Lookup::Unsorted => return Ok(()),
        Lookup::Shared(others) => {
            query_scalar!(
                tx,
                readers!(
                    " AND EXISTS (SELECT 1 FROM subscriptions o WHERE o.subscriber_id = s.subscriber_id \
                     AND o.newsletter_id {in $4})"
                ),
                newsletter,
                after,
                up_to,
                DbList(others)
            )
            .fetch_all()
            .await?
        }
        Lookup::All => query_scalar!(tx, readers!(""), newsletter, after, up_to).fetch_all().await?,
    };
    cohorts::forget(tx, &ids).await
}

/// Takes readers of a portion out of their cohorts if they did not get their cohort's variant, for example
/// because their address is suppressed.
async fn forget_unserved(tx: &mut Tx, fan_out: &FanOut<'_>, after: i64, up_to: i64) -> Result<(), DbError> {
    let ids: Vec<SubscriptionId> = query_scalar!(
        tx,
        "SELECT s.id FROM subscriptions s JOIN issue_cohorts c ON c.issue_id = $1 \
         AND c.cohort_id = s.cohort_id AND c.variant_id IS NOT NULL WHERE s.newsletter_id = $2 \
         AND s.status = 'active' AND s.id > $3 AND s.id <= $4 AND NOT EXISTS (SELECT 1 FROM deliveries d \
         WHERE d.issue_id = $1 AND d.subscriber_id = s.subscriber_id AND d.variant_id = c.variant_id \
         AND d.status NOT IN ('failed', 'skipped'))",
        fan_out.issue,
        fan_out.newsletter,
        after,
        up_to
    )
    .fetch_all()
    .await?;
    cohorts::forget(tx, &ids).await
}

/// Takes readers that a cancelled fan-out has not reached out of their cohorts, at most `limit`. Returns the
/// last subscription looked at, or `None` if none is left.
pub async fn forget_beyond(
    tx: &mut Tx,
    issue: IssueId,
    after: i64,
    limit: i64,
) -> Result<Option<i64>, DbError> {
    let ids: Vec<SubscriptionId> = query_scalar!(
        tx,
        "SELECT s.id FROM subscriptions s WHERE s.newsletter_id = (SELECT i.newsletter_id FROM issues i \
         WHERE i.id = $1) AND s.status = 'active' AND s.id > $2 AND s.cohort_id IN (SELECT c.cohort_id \
         FROM issue_cohorts c WHERE c.issue_id = $1 AND c.variant_id IS NOT NULL) ORDER BY s.id LIMIT $3",
        issue,
        after,
        limit
    )
    .fetch_all()
    .await?;
    cohorts::forget(tx, &ids).await?;
    Ok(ids.last().map(|id| id.0))
}
