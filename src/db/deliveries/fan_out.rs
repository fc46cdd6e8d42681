//! Fan-out: makes an issue's deliveries from its readers.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
    },
    domain::{
        ids::{IssueId, NewsletterId, VariantId},
        issue::plan::{Group, MAX_GROUPS, OTHERS, PastVariant},
        subscriber::cadence::Cadence,
    },
};
use jiff::Timestamp;

/// The variants of other issues that tell readers' groups apart.
#[derive(Debug, Clone)]
pub struct Past {
    variants: Vec<VariantId>,
}

impl Past {
    pub fn new(variants: &[PastVariant]) -> Self {
        Self { variants: variants.iter().map(|past| past.variant).collect() }
    }
}

/// The key of a reader's group, `CADENCE|SECTIONS|VARIANTS`. The variants are those of `$1` that the reader
/// has had or is about to get. `s` is the subscription.
///
/// Deliveries are searched from the first issue with one of these variants. That takes a few steps in the
/// index by subscriber, and neighbouring readers share its pages.
macro_rules! reader_key {
    () => {
        "s.audience || '|' || CASE WHEN {sqlite json_array_length($1)}{postgres cardinality($1)} = 0 THEN '' \
         ELSE COALESCE((SELECT string_agg(CAST(h.variant_id AS TEXT), ',' ORDER BY h.variant_id) \
         FROM (SELECT d.variant_id FROM deliveries d WHERE d.subscriber_id = s.subscriber_id \
         AND d.issue_id >= (SELECT min(v.issue_id) FROM issue_variants v WHERE v.id {in $1}) \
         AND d.variant_id {in $1} AND d.status NOT IN ('failed', 'skipped') UNION ALL SELECT w.variant_id \
         FROM welcomes w WHERE w.subscriber_id = s.subscriber_id AND w.variant_id {in $1}) AS h), '') END"
    };
}

/// Groups readers if no earlier variant matters. The inner query groups in the order of the index, so nothing
/// is sorted.
const CHOICES: &str = "SELECT key, readers, CAST(sum(readers) OVER () AS BIGINT) FROM (\
     SELECT audience || '|' AS key, CAST(sum(readers) AS BIGINT) AS readers FROM (\
     SELECT audience, count(*) AS readers FROM subscriptions WHERE newsletter_id = $1 \
     AND status = 'active' GROUP BY clock, audience) AS by_clock WHERE audience LIKE $2 || '|%' \
     OR audience LIKE $3 || '|%' OR audience LIKE $4 || '|%' GROUP BY audience) AS told \
     ORDER BY readers DESC, key LIMIT $5";

/// Returns the cadences of an issue as three arguments.
fn three(cadences: &[Cadence]) -> [Option<Cadence>; 3] {
    std::array::from_fn(|index| cadences.get(index).copied())
}

/// Returns an issue's readers in groups, largest first, and the number of readers in further groups beyond
/// [`MAX_GROUPS`].
pub async fn groups(
    tx: &mut Tx,
    newsletter: NewsletterId,
    cadences: &[Cadence],
    past: &Past,
) -> Result<(Vec<Group>, i64), DbError> {
    let most = i64::try_from(MAX_GROUPS).unwrap_or(i64::MAX);
    let rows: Vec<(String, i64, i64)> = if past.variants.is_empty() {
        let [a, b, c] = three(cadences);
        query_as!(tx, CHOICES, newsletter, a, b, c, most).fetch_all().await?
    } else {
        query_as!(
            tx,
            concat!(
                "SELECT key, readers, CAST(sum(readers) OVER () AS BIGINT) FROM (\
                 SELECT key, count(*) AS readers FROM (SELECT ",
                reader_key!(),
                " AS key FROM subscriptions s WHERE s.newsletter_id = $2 AND s.status = 'active' \
                 AND s.cadence {in $3}) AS keys GROUP BY key) AS told ORDER BY readers DESC, key LIMIT $4"
            ),
            DbList(&past.variants),
            newsletter,
            DbList(cadences),
            most
        )
        .fetch_all()
        .await?
    };
    let all = rows.first().map_or(0, |(_, _, all)| *all);
    let groups: Vec<Group> = rows.into_iter().map(|(key, readers, _)| Group { key, readers }).collect();
    let others = all - groups.iter().map(|group| group.readers).sum::<i64>();
    Ok((groups, others))
}

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

/// Makes deliveries for the next active, unsuppressed readers after a subscription, at most `limit` in one
/// statement. Returns the last subscription read and the number of deliveries, or `None` if no reader is
/// left.
pub async fn fan_out(
    tx: &mut Tx,
    fan_out: &FanOut<'_>,
    after: i64,
    limit: i64,
    now: Timestamp,
) -> Result<Option<(i64, u64)>, DbError> {
    let up_to: Option<i64> = query_scalar!(
        tx,
        "SELECT max(id) FROM (SELECT id FROM subscriptions WHERE newsletter_id = $1 AND status = 'active' \
         AND id > $2 ORDER BY id LIMIT $3) AS next",
        fan_out.newsletter,
        after,
        limit
    )
    .fetch_one()
    .await?;
    let Some(up_to) = up_to else { return Ok(None) };
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
             SELECT k.subscriber_id, k.id, k.due_at, k.throttled_domain, COALESCE((SELECT \
             COALESCE(g.variant_id, 0) \
             FROM issue_groups g WHERE g.issue_id = $2 AND g.key = k.key), (SELECT COALESCE(g.variant_id, 0) \
             FROM issue_groups g WHERE g.issue_id = $2 AND g.key = $5), 0) AS variant_id FROM (\
             SELECT s.subscriber_id, s.id, COALESCE((SELECT w.due_at FROM issue_waves w \
             WHERE w.issue_id = $2 AND w.clock = s.clock), $6) AS due_at, ",
            reader_key!(),
            " AS key, (SELECT CASE WHEN EXISTS (SELECT 1 FROM suppressions x \
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
    Ok(Some((up_to, made)))
}
