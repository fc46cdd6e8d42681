//! What an issue is chosen from: articles, and what became of them in other issues.

use crate::{
    db::{DbError, EngineTx, Stamp, Tx, engine::query::query_as},
    domain::{
        content::article::title_key,
        ids::{ArticleId, FeedId, IssueId, NewsletterId, VariantId},
        issue::{plan::PastVariant, selection::Candidate},
        subscriber::cadence::Cadence,
    },
};
use jiff::{Timestamp, civil::Date};
use std::collections::{BTreeMap, HashMap};

/// How many earlier issues are looked at for the last one of each cadence: two months of a daily one.
const LOOK_BACK_ISSUES: i64 = 62;

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    fresh_at: Option<Stamp>,
    first_seen_at: Stamp,
    pinned: bool,
    hidden: bool,
    feed_id: Option<i64>,
    section: Option<String>,
    feeds: i64,
    wish: Option<String>,
    place: Option<i64>,
}

/// The newest 40 articles of each feed between `$2` and `$3`, in the words of the engine: 40 steps in the index by feed, however
/// many articles there are.
macro_rules! newest_of_feeds {
    // The date of the 40th says how far to look; more of the same date are counted off.
    (sqlite) => {
        "SELECT id, fresh_at FROM (SELECT a.id, a.fresh_at, row_number() OVER (PARTITION BY a.feed_id ORDER \
         BY a.fresh_at DESC, a.id DESC) AS nth FROM (SELECT f.id, COALESCE((SELECT x.fresh_at \
         FROM articles x WHERE x.feed_id = f.id AND x.fresh_at > $2 AND x.fresh_at <= $3 \
         ORDER BY x.fresh_at DESC LIMIT 1 OFFSET 39), $2) AS since FROM feeds f) AS reach CROSS \
         JOIN articles a WHERE a.feed_id = reach.id AND a.fresh_at >= reach.since AND a.fresh_at > $2 \
         AND a.fresh_at <= $3) AS ranked WHERE nth <= 40"
    };
    (postgres) => {
        "SELECT a.id, a.fresh_at FROM feeds f CROSS JOIN LATERAL (SELECT x.id, x.fresh_at FROM articles x \
         WHERE x.feed_id = f.id AND x.fresh_at > $2 AND x.fresh_at <= $3 ORDER BY x.fresh_at DESC \
         LIMIT 40) AS a"
    };
}

macro_rules! select_candidates {
    ($newest_of_feeds:expr) => {
        concat!(
            "WITH pool (id) AS (SELECT id FROM (SELECT id FROM (",
            $newest_of_feeds,
            ") AS newest_of_feeds ORDER BY fresh_at DESC LIMIT 2000) AS windowed UNION SELECT id \
             FROM (SELECT id FROM articles WHERE feed_id IS NULL AND fresh_at > $2 \
             AND fresh_at <= $3 ORDER BY fresh_at DESC LIMIT 40) AS brought UNION SELECT id FROM (SELECT id \
             FROM articles WHERE fresh_at <= $3 ORDER BY fresh_at DESC LIMIT 500) AS newest UNION SELECT id \
             FROM (SELECT id FROM articles ORDER BY first_seen_at DESC LIMIT 500) AS latest UNION SELECT id \
             FROM (SELECT id FROM articles WHERE pinned ORDER BY id DESC LIMIT 200) AS pins UNION \
             SELECT article_id FROM issue_edits WHERE issue_id = $1) \
             SELECT a.id, a.fresh_at, a.first_seen_at, a.pinned, a.hidden, a.feed_id, a.section, e.wish, \
             e.place, (SELECT count(*) FROM article_sources s WHERE s.article_id = a.id) AS feeds FROM pool \
             JOIN articles a ON a.id = pool.id LEFT JOIN issue_edits e ON e.issue_id = $1 \
             AND e.article_id = a.id ORDER BY a.id"
        )
    };
}

/// What the selection rule chooses from: the newest 40 articles of each feed since `since`, of these the newest 2,000; the newest
/// 40 that no feed brought; the newest 500 of all times and the latest 500 to arrive; every pinned one, and what the issue's
/// edits are about. Without [`mark_carried`] and [`mark_places`] nothing is known of other issues.
pub async fn candidates(
    tx: &mut Tx,
    issue: Option<IssueId>,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Candidate>, DbError> {
    let issue = issue.map_or(0, |id| id.0);
    let (since, until) = (Stamp(since), Stamp(now + jiff::SignedDuration::from_mins(10)));
    let rows: Vec<Row> = match tx.by_engine() {
        EngineTx::Sqlite(conn) => {
            let query = sqlx::query_as(select_candidates!(newest_of_feeds!(sqlite)));
            query.bind(issue).bind(since).bind(until).fetch_all(conn).await?
        }
        EngineTx::Postgres(conn) => {
            let query = sqlx::query_as(select_candidates!(newest_of_feeds!(postgres)));
            query.bind(issue).bind(since).bind(until).fetch_all(conn).await?
        }
    };
    let candidate = |row: Row| Candidate {
        article: ArticleId(row.id),
        fresh_at: row.fresh_at.map(Timestamp::from),
        first_seen_at: row.first_seen_at.0,
        pinned: row.pinned,
        hidden: row.hidden,
        source: row.feed_id.map(FeedId),
        section: row.section.as_deref().map(title_key).unwrap_or_default(),
        feeds: row.feeds,
        best_place: None,
        carried_for: Vec::new(),
        wish: row.wish.and_then(|wish| wish.parse().ok()),
        place: row.place,
        gone: false,
    };
    Ok(rows.into_iter().map(candidate).collect())
}

/// Runs one query text with a set of row numbers, bound as `$1` in the words of the engine.
macro_rules! with_ids {
    ($tx:expr, $ids:expr, $before:literal, $after:literal $(, $bind:expr)*) => {{
        let ids = serde_json::to_string($ids).map_err(|error| DbError::Encode(Box::new(error)))?;
        match $tx.by_engine() {
            EngineTx::Sqlite(conn) => {
                sqlx::query_as(concat!($before, "(SELECT value FROM json_each($1))", $after))
                    .bind(ids)$(.bind($bind))*.fetch_all(conn).await?
            }
            EngineTx::Postgres(conn) => {
                sqlx::query_as(concat!(
                    $before, "(SELECT CAST(json_array_elements_text($1::json) AS BIGINT))", $after
                ))
                    .bind(ids)$(.bind($bind))*.fetch_all(conn).await?
            }
        }
    }};
}

/// Notes for which cadences earlier issues of the newsletter carried candidates. `issue` is the one being planned.
pub async fn mark_carried(
    tx: &mut Tx,
    newsletter: NewsletterId,
    issue: Option<IssueId>,
    candidates: &mut [Candidate],
) -> Result<(), DbError> {
    let ids: Vec<ArticleId> = candidates.iter().map(|it| it.article).collect();
    let rows: Vec<(i64, String)> = with_ids!(
        tx,
        &ids,
        "SELECT DISTINCT t.article_id, g.cadence FROM variant_stories t \
         JOIN issue_groups g ON g.variant_id = t.variant_id JOIN issues i ON i.id = g.issue_id \
         WHERE t.article_id IN ",
        " AND i.newsletter_id = $2 AND i.id <> $3 AND i.status NOT IN ('planned', 'skipped', 'cancelled')",
        newsletter.0,
        issue.map_or(0, |id| id.0)
    );
    let mut carried: HashMap<i64, Vec<Cadence>> = HashMap::new();
    for (article, cadence) in rows {
        carried.entry(article).or_default().extend(cadence.parse::<Cadence>());
    }
    for candidate in candidates {
        let mut cadences = carried.remove(&candidate.article.0).unwrap_or_default();
        cadences.sort_unstable();
        candidate.carried_for = cadences;
    }
    Ok(())
}

/// Notes the highest place each candidate had in an issue of any newsletter dated from `since` on.
pub async fn mark_places(
    tx: &mut Tx,
    issue: Option<IssueId>,
    since: Date,
    candidates: &mut [Candidate],
) -> Result<(), DbError> {
    let rows: Vec<(i64, i64)> = query_as!(
        tx,
        "SELECT t.article_id, min(t.position) FROM issues i CROSS JOIN issue_variants v CROSS \
         JOIN variant_stories t WHERE v.issue_id = i.id AND t.variant_id = v.id AND i.issue_date >= $1 \
         AND i.id <> $2 AND i.status NOT IN ('planned', 'skipped', 'cancelled') GROUP BY t.article_id",
        since.to_string(),
        issue.map_or(0, |id| id.0)
    )
    .fetch_all()
    .await?;
    let places: HashMap<i64, i64> = rows.into_iter().collect();
    for candidate in candidates {
        candidate.best_place = places.get(&candidate.article.0).copied();
    }
    Ok(())
}

/// The variants of other issues, of whatever newsletter, that hold some of these articles. Bounded: of very many the latest.
pub async fn past_variants(
    tx: &mut Tx,
    issue: Option<IssueId>,
    articles: &[ArticleId],
) -> Result<Vec<PastVariant>, DbError> {
    if articles.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64, i64)> = with_ids!(
        tx,
        articles,
        "SELECT t.variant_id, t.article_id FROM variant_stories t \
         JOIN issue_variants v ON v.id = t.variant_id WHERE t.article_id IN ",
        " AND v.issue_id <> $2 ORDER BY t.variant_id DESC, t.article_id LIMIT 20000",
        issue.map_or(0, |id| id.0)
    );
    let mut variants: BTreeMap<i64, Vec<ArticleId>> = BTreeMap::new();
    for (variant, article) in rows {
        variants.entry(variant).or_default().push(ArticleId(article));
    }
    let past = |(variant, articles)| PastVariant { variant: VariantId(variant), articles };
    Ok(variants.into_iter().map(past).collect())
}

/// Dates of the newsletter's latest issues that went out or are going out, latest first, each with when it was planned.
pub async fn planned_at(
    tx: &mut Tx,
    newsletter: NewsletterId,
    issue: Option<IssueId>,
) -> Result<Vec<(Date, Timestamp)>, DbError> {
    let rows: Vec<(String, Stamp)> = query_as!(
        tx,
        "SELECT issue_date, planned_at FROM issues WHERE newsletter_id = $1 AND id <> $2 \
         AND planned_at IS NOT NULL AND status IN ('frozen', 'sending', 'paused', 'held', 'sent') \
         ORDER BY issue_date DESC LIMIT $3",
        newsletter.0,
        issue.map_or(0, |id| id.0),
        LOOK_BACK_ISSUES
    )
    .fetch_all()
    .await?;
    Ok(rows.into_iter().filter_map(|(date, at)| Some((date.parse().ok()?, at.0))).collect())
}
