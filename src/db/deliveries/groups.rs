//! Groups of an issue's readers: those with the same choices who had the same variants of other issues.

use crate::{
    db::{
        DbError, Tx, cohorts,
        engine::{columns::DbList, query::query_as},
        reader_counts::{self, Counting},
    },
    domain::{
        ids::{CohortId, NewsletterId, VariantId},
        issue::{
            cohort::{Cohort, has_cadence},
            plan::{Group, MAX_GROUPS, PastVariant},
        },
        subscriber::cadence::Cadence,
    },
};
use std::{cmp::Reverse, collections::HashMap};

/// The variants of other issues that tell readers' groups apart.
#[derive(Debug, Clone)]
pub struct Past {
    pub(super) variants: Vec<VariantId>,
    pub(super) readers: Lookup,
}

/// The readers whose pasts are looked up one by one. Those of the others are in their cohorts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup {
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
pub(super) use reader_key;

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
    counting: Counting,
) -> Result<(Vec<Group>, i64), DbError> {
    let mut sorted: HashMap<String, i64> = HashMap::new();
    if past.variants.is_empty() {
        if counting == Counting::Exact {
            let [a, b, c] = three(cadences);
            let rows = query_as!(tx, CHOICES, newsletter, a, b, c, most_groups()).fetch_all().await?;
            return Ok(into_groups(rows, sorted));
        }
        for count in reader_counts::by_cohort(tx, newsletter).await? {
            if has_cadence(&count.audience, cadences) {
                *sorted.entry(format!("{}|", count.audience)).or_default() += count.readers;
            }
        }
        return Ok(into_groups(Vec::new(), sorted));
    }
    if !past.is_all_looked_up() {
        let counts = cohort_counts(tx, newsletter, past, counting).await?;
        for cohort in cohorts::for_newsletter(tx, newsletter).await? {
            let readers = counts.get(&cohort.id).copied().unwrap_or_default();
            if readers > 0 && cohort.has_cadence(cadences) {
                *sorted.entry(past.group_key(&cohort)).or_default() += readers;
            }
        }
    }
    Ok(into_groups(looked_up(tx, newsletter, cadences, past).await?, sorted))
}

/// Counts the readers of each cohort whose pasts are not looked up. Kept counts don't know which readers have
/// subscriptions to other newsletters.
async fn cohort_counts(
    tx: &mut Tx,
    newsletter: NewsletterId,
    past: &Past,
    counting: Counting,
) -> Result<HashMap<CohortId, i64>, DbError> {
    if counting == Counting::Exact || !past.shared().is_empty() {
        return Ok(cohorts::counts(tx, newsletter, past.shared()).await?.into_iter().collect());
    }
    let kept = reader_counts::by_cohort(tx, newsletter).await?;
    Ok(kept.into_iter().filter_map(|it| Some((it.cohort?, it.readers))).collect())
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
