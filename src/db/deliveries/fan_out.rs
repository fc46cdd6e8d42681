//! From an issue's readers to its deliveries: which group a reader is in, and one row each.

use crate::{
    db::{
        DbError, EngineTx, Stamp, Tx,
        engine::query::{query_as, query_scalar},
    },
    domain::{
        ids::{IssueId, NewsletterId},
        issue::plan::{Group, MAX_GROUPS, PastVariant},
        subscriber::cadence::Cadence,
    },
};
use jiff::Timestamp;

/// What readers' past is asked about: variants of other issues.
#[derive(Debug, Clone)]
pub struct Past {
    variants: Vec<i64>,
}

impl Past {
    /// Of these variants.
    pub fn new(variants: &[PastVariant]) -> Self {
        Self { variants: variants.iter().map(|past| past.variant.0).collect() }
    }

    /// As SQLite takes many numbers: one JSON array.
    fn as_json(&self) -> String {
        let numbers: Vec<String> = self.variants.iter().map(ToString::to_string).collect();
        format!("[{}]", numbers.join(","))
    }
}

/// The key of a reader's group: `CADENCE|SECTIONS|VARIANTS`, the latter being those of `$1` that the reader has had or is about to
/// get. `s` is the subscription. `$list` says in the words of the engine that a variant is one of `$1`.
///
/// What a reader was sent is looked for from the first of the issues on that had these variants: a few steps in the index by
/// subscriber, whose rows lie side by side for readers side by side.
macro_rules! reader_key {
    (nothing) => {
        "s.audience || '|' || COALESCE($1, '')"
    };
    ($list:literal) => {
        concat!(
            "s.audience || '|' || COALESCE((SELECT string_agg(CAST(h.variant_id AS TEXT), ',' \
             ORDER BY h.variant_id) FROM (SELECT d.variant_id FROM deliveries d \
             WHERE d.subscriber_id = s.subscriber_id AND d.issue_id >= (SELECT min(v.issue_id) \
             FROM issue_variants v WHERE v.id ",
            $list,
            ") AND d.variant_id ",
            $list,
            " AND d.status NOT IN ('failed', 'skipped') UNION ALL SELECT w.variant_id FROM welcomes w \
             WHERE w.subscriber_id = s.subscriber_id AND w.variant_id ",
            $list,
            ") AS h), '')"
        )
    };
}

/// Runs a query: what comes before a reader's key, the key, and what comes after it, in the words of each engine. The variants
/// are bound as `$1`.
macro_rules! by_group {
    ($make:ident, $tx:expr, $past:expr, $before:expr, ($lite:expr, $postgres:expr), |$query:ident, $conn:ident| $run:expr) => {
        match ($tx.by_engine(), $past.variants.is_empty()) {
            (EngineTx::Sqlite($conn), true) => {
                let $query = sqlx::$make(concat!($before, reader_key!(nothing), $lite)).bind(None::<String>);
                $run
            }
            (EngineTx::Postgres($conn), true) => {
                let $query =
                    sqlx::$make(concat!($before, reader_key!(nothing), $postgres)).bind(None::<String>);
                $run
            }
            (EngineTx::Sqlite($conn), false) => {
                let $query =
                    sqlx::$make(concat!($before, reader_key!("IN (SELECT value FROM json_each($1))"), $lite))
                        .bind($past.as_json());
                $run
            }
            (EngineTx::Postgres($conn), false) => {
                let $query =
                    sqlx::$make(concat!($before, reader_key!("= ANY ($1)"), $postgres)).bind(&$past.variants);
                $run
            }
        }
    };
}

/// What comes after the key where readers are counted.
macro_rules! counted {
    () => {
        " AS key FROM subscriptions s WHERE s.newsletter_id = $2 AND s.status = 'active' \
         AND s.cadence IN ($3, $4, $5)) AS keys GROUP BY key) AS told ORDER BY readers DESC, key LIMIT $6"
    };
}

/// What comes after the key where deliveries are made.
///
/// All that is known of a reader is looked up by key, row by row, in subqueries: PostgreSQL, which has not counted this issue's
/// waves and groups yet, would join them, and all subscribers, the wrong way round. The limits are no bounds: they keep it from
/// finding keys and variants out twice.
macro_rules! made {
    ($paced:literal) => {
        concat!(
            " AS key, (SELECT CASE WHEN EXISTS (SELECT 1 FROM suppressions x \
             WHERE x.address_key = r.address_key) THEN NULL WHEN r.domain IN ",
            $paced,
            " THEN r.domain ELSE '' END FROM subscribers r WHERE r.id = s.subscriber_id) AS paced \
             FROM subscriptions s WHERE s.newsletter_id = $3 AND s.status = 'active' AND s.id > $13 \
             AND s.id <= $14 AND s.cadence IN ($4, $5, $6) ORDER BY s.id LIMIT 1000000) AS k \
             LIMIT 1000000) AS t WHERE t.variant_id > 0 AND t.paced IS NOT NULL \
             ON CONFLICT (issue_id, subscriber_id) DO NOTHING"
        )
    };
}

/// The groups of readers where nothing of their past matters. By clock and then by what they chose is the order of the index, so
/// that nothing is sorted.
const CHOICES: &str = "SELECT key, readers, CAST(sum(readers) OVER () AS BIGINT) FROM (\
     SELECT audience || '|' AS key, CAST(sum(readers) AS BIGINT) AS readers FROM (\
     SELECT audience, count(*) AS readers FROM subscriptions WHERE newsletter_id = $1 \
     AND status = 'active' GROUP BY clock, audience) AS by_clock WHERE audience LIKE $2 || '|%' \
     OR audience LIKE $3 || '|%' OR audience LIKE $4 || '|%' GROUP BY audience) AS told \
     ORDER BY readers DESC, key LIMIT $5";

/// Keeps PostgreSQL from compiling the transaction's queries to machine code (`jit`), which takes longer than to run them.
async fn without_compiling(tx: &mut Tx) -> Result<(), DbError> {
    match tx.by_engine() {
        EngineTx::Sqlite(_) => Ok(()),
        EngineTx::Postgres(conn) => sqlx::query("SET LOCAL jit = off").execute(conn).await.map(drop),
    }
}

/// The cadences an issue is for, as three values to bind.
fn three(cadences: &[Cadence]) -> [&'static str; 3] {
    std::array::from_fn(|index| cadences.get(index).or(cadences.first()).map_or("", |it| it.as_str()))
}

/// The readers of an issue in groups, largest first, and how many readers are in groups beyond the most that are told apart.
pub async fn groups(
    tx: &mut Tx,
    newsletter: NewsletterId,
    cadences: &[Cadence],
    past: &Past,
) -> Result<(Vec<Group>, i64), DbError> {
    without_compiling(tx).await?;
    let [a, b, c] = three(cadences);
    let most = i64::try_from(MAX_GROUPS).unwrap_or(i64::MAX);
    let rows: Vec<(String, i64, i64)> = if past.variants.is_empty() {
        query_as!(tx, CHOICES, newsletter.0, a, b, c, most).fetch_all().await?
    } else {
        by_group!(
            query_as,
            tx,
            past,
            "SELECT key, readers, CAST(sum(readers) OVER () AS BIGINT) FROM (SELECT key, count(*) AS readers \
             FROM (SELECT ",
            (counted!(), counted!()),
            |query, conn| query.bind(newsletter.0).bind(a).bind(b).bind(c).bind(most).fetch_all(conn).await?
        )
    };
    let all = rows.first().map_or(0, |(_, _, all)| *all);
    let groups: Vec<Group> = rows.into_iter().map(|(key, readers, _)| Group { key, readers }).collect();
    let others = all - groups.iter().map(|group| group.readers).sum::<i64>();
    Ok((groups, others))
}

/// How an issue's readers become deliveries.
#[derive(Debug, Clone)]
pub struct FanOut<'a> {
    /// The issue. Its groups and waves are kept.
    pub issue: IssueId,
    /// Of which newsletter.
    pub newsletter: NewsletterId,
    /// The cadences it is for.
    pub cadences: &'a [Cadence],
    /// What its groups were told apart by.
    pub past: &'a Past,
    /// When readers are due whose clock has no wave.
    pub due_at: Timestamp,
    /// Readers who were due before this moment have missed it.
    pub missed_before: Timestamp,
    /// Domains whose rows are set apart from the beginning.
    pub paced: &'a [String],
}

/// What readers who were due too long ago get instead: a row that says so.
const MISSED: &str =
    "missed: nothing was sent at its time on the reader's clock, nor within the grace after it";

/// Makes deliveries for the next active, unsuppressed readers after a subscription, at most `limit` in one statement. Returns the
/// last subscription looked at, `None` where no reader is left, and how many deliveries were made.
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
        fan_out.newsletter.0,
        after,
        limit
    )
    .fetch_one()
    .await?;
    let Some(up_to) = up_to else { return Ok(None) };
    without_compiling(tx).await?;
    let paced = serde_json::to_string(fan_out.paced).map_err(|error| DbError::Encode(Box::new(error)))?;
    let [a, b, c] = three(fan_out.cadences);
    let made: u64 = by_group!(
        query,
        tx,
        fan_out.past,
        "INSERT INTO deliveries (issue_id, variant_id, subscriber_id, subscription_id, status, due_at, \
         next_attempt_at, paced, finished_at, reply_text) SELECT $2, t.variant_id, t.subscriber_id, t.id, \
         CASE WHEN t.due_at < $9 THEN 'skipped' ELSE 'queued' END, CASE \
         WHEN t.due_at < $10 THEN $10 ELSE t.due_at END, CASE \
         WHEN t.due_at < $10 THEN $10 ELSE t.due_at END, NULLIF(t.paced, ''), CASE \
         WHEN t.due_at < $9 THEN $10 END, CASE WHEN t.due_at < $9 THEN $11 END FROM (\
         SELECT k.subscriber_id, k.id, k.due_at, k.paced, COALESCE((SELECT COALESCE(g.variant_id, 0) \
         FROM issue_groups g WHERE g.issue_id = $2 AND g.key = k.key), (SELECT COALESCE(g.variant_id, 0) \
         FROM issue_groups g WHERE g.issue_id = $2 AND g.key = $7), 0) AS variant_id FROM (\
         SELECT s.subscriber_id, s.id, COALESCE((SELECT w.due_at FROM issue_waves w WHERE w.issue_id = $2 \
         AND w.clock = s.clock), $8) AS due_at, ",
        (made!("(SELECT value FROM json_each($12))"), made!("(SELECT json_array_elements_text($12::json))")),
        |query, conn| query
            .bind(fan_out.issue.0)
            .bind(fan_out.newsletter.0)
            .bind(a)
            .bind(b)
            .bind(c)
            .bind(crate::domain::issue::plan::OTHERS)
            .bind(Stamp(fan_out.due_at))
            .bind(Stamp(fan_out.missed_before))
            .bind(Stamp(now))
            .bind(MISSED)
            .bind(&paced)
            .bind(after)
            .bind(up_to)
            .execute(conn)
            .await?
            .rows_affected()
    );
    Ok(Some((up_to, made)))
}
