//! Fan-out: makes an issue's deliveries from its readers.

use crate::{
    db::{
        DbError, DbTime, Tx, cohorts,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
    },
    domain::{
        ids::{CohortId, IssueId, NewsletterId, SubscriptionId, VariantId},
        issue::{
            cohort::Cohort,
            plan::{Group, MAX_GROUPS, OTHERS, PastVariant},
        },
        subscriber::cadence::Cadence,
    },
};
use jiff::Timestamp;
use std::{cmp::Reverse, collections::HashMap};

/// The variants of other issues that tell readers' groups apart.
#[derive(Debug, Clone)]
pub struct Past {
    variants: Vec<VariantId>,
    readers: Lookup,
}

/// The readers whose pasts are looked up one by one. Those of the others are in their cohorts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lookup {
    /// Readers without a cohort.
    Unsorted,
    /// Also readers with a subscription to one of these newsletters, whose issues had some of the variants. A
    /// reader has copies of a newsletter's issues only with a subscription to it, which may have ended.
    Shared(Vec<NewsletterId>),
    /// All readers, because a variant's deliveries are folded. This is rare: old stories only come again if
    /// an operator pins them.
    All,
}

impl Past {
    /// Finds out which readers' pasts are looked up for an issue of a newsletter.
    pub async fn load(
        tx: &mut Tx,
        newsletter: NewsletterId,
        variants: &[PastVariant],
    ) -> Result<Self, DbError> {
        let variants: Vec<VariantId> = variants.iter().map(|past| past.variant).collect();
        let origins: Vec<(NewsletterId, bool)> = query_as!(
            tx,
            "SELECT DISTINCT i.newsletter_id, i.folded_at IS NOT NULL FROM issue_variants v \
             JOIN issues i ON i.id = v.issue_id WHERE v.id {in $1} ORDER BY i.newsletter_id",
            DbList(&variants)
        )
        .fetch_all()
        .await?;
        let others: Vec<NewsletterId> =
            origins.iter().map(|(it, _)| *it).filter(|it| *it != newsletter).collect();
        let readers = match origins.iter().any(|(_, is_folded)| *is_folded) {
            true => Lookup::All,
            false if others.is_empty() => Lookup::Unsorted,
            false => Lookup::Shared(others),
        };
        Ok(Self { variants, readers })
    }

    /// Returns the newsletters whose readers are looked up, too.
    fn shared(&self) -> &[NewsletterId] {
        match &self.readers {
            Lookup::Shared(newsletters) => newsletters,
            Lookup::Unsorted | Lookup::All => &[],
        }
    }

    /// Returns the key of the group that a cohort's readers are in.
    pub fn group_key(&self, cohort: &Cohort) -> String {
        cohort.group_key(&self.variants)
    }

    /// Returns whether the readers of cohorts are looked up, too, whatever their cohort.
    pub fn is_all_looked_up(&self) -> bool {
        self.readers == Lookup::All
    }
}

/// The key of a reader's group, `CADENCE|SECTIONS|VARIANTS`. The variants are those of `$1` that the reader
/// has had or is about to get. `s` is the subscription.
///
/// Deliveries are searched from the first issue with one of these variants. That takes a few steps in the
/// index by subscriber, and neighbouring readers share its pages. Of folded issues, receipts tell who was
/// sent which variant.
macro_rules! reader_key {
    () => {
        "s.audience || '|' || CASE WHEN {sqlite json_array_length($1)}{postgres cardinality($1)} = 0 THEN '' \
         ELSE COALESCE((SELECT string_agg(CAST(h.variant_id AS TEXT), ',' ORDER BY h.variant_id) \
         FROM (SELECT d.variant_id FROM deliveries d WHERE d.subscriber_id = s.subscriber_id \
         AND d.issue_id >= (SELECT min(v.issue_id) FROM issue_variants v WHERE v.id {in $1}) \
         AND d.variant_id {in $1} AND d.status NOT IN ('failed', 'skipped') UNION SELECT w.variant_id \
         FROM welcomes w WHERE w.subscriber_id = s.subscriber_id AND w.variant_id {in $1} \
         UNION SELECT v.id FROM issue_variants v JOIN issues f ON f.id = v.issue_id \
         JOIN receipts t ON t.issue_id = v.issue_id AND t.chunk = s.subscriber_id / 4096 \
         WHERE (SELECT max(x.folded_at) FROM issues x JOIN issue_variants y ON y.issue_id = x.id \
         WHERE y.id {in $1}) IS NOT NULL AND v.id {in $1} AND f.folded_at IS NOT NULL \
         AND substr(t.entries, CAST(2 * (s.subscriber_id % 4096) + 1 AS INTEGER), 2) = \
         {sqlite unhex(printf('%02x01', v.number))}\
         {postgres decode(lpad(to_hex(v.number), 2, '0') || '01', 'hex')}) AS h), '') END"
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
    if past.variants.is_empty() {
        let [a, b, c] = three(cadences);
        let rows = query_as!(tx, CHOICES, newsletter, a, b, c, most_groups()).fetch_all().await?;
        return Ok(into_groups(rows, HashMap::new()));
    }
    let mut sorted: HashMap<String, i64> = HashMap::new();
    if !past.is_all_looked_up() {
        let counts: HashMap<CohortId, i64> =
            cohorts::counts(tx, newsletter, past.shared()).await?.into_iter().collect();
        for cohort in cohorts::for_newsletter(tx, newsletter).await? {
            let readers = counts.get(&cohort.id).copied().unwrap_or_default();
            if readers > 0 && cohort.has_cadence(cadences) {
                *sorted.entry(past.group_key(&cohort)).or_default() += readers;
            }
        }
    }
    Ok(into_groups(looked_up(tx, newsletter, cadences, past).await?, sorted))
}

fn most_groups() -> i64 {
    i64::try_from(MAX_GROUPS).unwrap_or(i64::MAX)
}

/// Returns the largest groups of readers whose pasts are looked up, each with the number of all such readers.
async fn looked_up(
    tx: &mut Tx,
    newsletter: NewsletterId,
    cadences: &[Cadence],
    past: &Past,
) -> Result<Vec<(String, i64, i64)>, DbError> {
    macro_rules! groups {
        ($which:literal) => {
            concat!(
                "SELECT key, readers, CAST(sum(readers) OVER () AS BIGINT) FROM (\
                 SELECT key, count(*) AS readers FROM (SELECT ",
                reader_key!(),
                " AS key FROM subscriptions s WHERE s.newsletter_id = $2 AND s.status = 'active' \
                 AND s.cadence {in $3} AND ",
                $which,
                ") AS keys GROUP BY key) AS told ORDER BY readers DESC, key LIMIT $4"
            )
        };
    }
    let (variants, cadences) = (DbList(&past.variants), DbList(cadences));
    match &past.readers {
        Lookup::Unsorted => {
            query_as!(tx, groups!("s.cohort_id IS NULL"), variants, newsletter, cadences, most_groups())
                .fetch_all()
                .await
        }
        Lookup::Shared(others) => {
            query_as!(
                tx,
                groups!(
                    "(s.cohort_id IS NULL OR EXISTS (SELECT 1 FROM subscriptions o \
                     WHERE o.subscriber_id = s.subscriber_id AND o.newsletter_id {in $5}))"
                ),
                variants,
                newsletter,
                cadences,
                most_groups(),
                DbList(others)
            )
            .fetch_all()
            .await
        }
        Lookup::All => {
            query_as!(tx, groups!("1 = 1"), variants, newsletter, cadences, most_groups()).fetch_all().await
        }
    }
}

/// Adds up the readers of groups, and returns the largest groups with the number of readers in the others.
fn into_groups(rows: Vec<(String, i64, i64)>, mut readers: HashMap<String, i64>) -> (Vec<Group>, i64) {
    let all = rows.first().map_or(0, |(_, _, all)| *all) + readers.values().sum::<i64>();
    for (key, count, _) in rows {
        *readers.entry(key).or_default() += count;
    }
    let mut groups: Vec<Group> = readers.into_iter().map(|(key, readers)| Group { key, readers }).collect();
    groups.sort_unstable_by(|a, b| (Reverse(a.readers), &a.key).cmp(&(Reverse(b.readers), &b.key)));
    groups.truncate(MAX_GROUPS);
    let others = all - groups.iter().map(|group| group.readers).sum::<i64>();
    (groups, others)
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
