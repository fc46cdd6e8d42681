//! The candidates of an issue: articles, and their places in other issues.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::{columns::DbList, query::query_as},
    },
    domain::{
        content::article::title_key,
        ids::{ArticleId, FeedId, IssueId, NewsletterId, VariantId},
        issue::{
            plan::PastVariant,
            selection::{Candidate, Wish},
        },
        subscriber::cadence::Cadence,
    },
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use std::collections::{BTreeMap, HashMap};

/// The earlier issues searched for the last one of each cadence: two months of a daily newsletter.
const LOOK_BACK_ISSUES: i64 = 62;

#[derive(sqlx::FromRow)]
struct Row {
    id: ArticleId,
    fresh_at: Option<DbTime>,
    first_seen_at: DbTime,
    pinned: bool,
    hidden: bool,
    feed_id: Option<FeedId>,
    section: Option<String>,
    feeds: i64,
    held: bool,
    wish: Option<Wish>,
    place: Option<i64>,
}

/// Finding the newest 40 articles of each feed takes 40 steps in the index by feed, however many articles
/// there are. On SQLite, the date of the 40th article bounds the search, and further articles of that date
/// are dropped by their number.
const SELECT_CANDIDATES: &str = "WITH pool (id) AS (SELECT id FROM (SELECT id FROM (\
    {sqlite SELECT id, fresh_at FROM (SELECT a.id, a.fresh_at, row_number() OVER (PARTITION BY a.feed_id \
    ORDER BY a.fresh_at DESC, a.id DESC) AS nth FROM (SELECT f.id, COALESCE((SELECT x.fresh_at \
    FROM articles x WHERE x.feed_id = f.id AND x.fresh_at > $2 AND x.fresh_at <= $3 \
    ORDER BY x.fresh_at DESC LIMIT 1 OFFSET 39), $2) AS since FROM feeds f) AS reach CROSS JOIN articles a \
    WHERE a.feed_id = reach.id AND a.fresh_at >= reach.since AND a.fresh_at > $2 AND a.fresh_at <= $3) AS \
    ranked WHERE nth <= 40}\
    {postgres SELECT a.id, a.fresh_at FROM feeds f CROSS JOIN LATERAL (SELECT x.id, x.fresh_at FROM \
    articles x \
    WHERE x.feed_id = f.id AND x.fresh_at > $2 AND x.fresh_at <= $3 ORDER BY x.fresh_at DESC LIMIT 40) AS a}\
    ) AS newest_of_feeds ORDER BY fresh_at DESC LIMIT 2000) AS windowed \
    UNION SELECT id FROM (SELECT id FROM articles WHERE feed_id IS NULL AND fresh_at > $2 AND fresh_at <= $3 \
    ORDER BY fresh_at DESC LIMIT 40) AS brought \
    UNION SELECT id FROM (SELECT id FROM articles WHERE fresh_at <= $3 ORDER BY fresh_at DESC LIMIT 500) AS \
    newest UNION SELECT id FROM (SELECT id FROM articles ORDER BY first_seen_at DESC LIMIT 500) AS latest \
    UNION SELECT id FROM (SELECT id FROM articles WHERE pinned ORDER BY id DESC LIMIT 200) AS pins \
    UNION SELECT article_id FROM issue_edits WHERE issue_id = $1) \
    SELECT a.id, a.fresh_at, a.first_seen_at, a.pinned, a.hidden, a.feed_id, a.section, e.wish, e.place, \
    (SELECT count(*) FROM article_sources s WHERE s.article_id = a.id) AS feeds, \
    COALESCE(a.first_seen_at >= h.held_since, FALSE) AS held FROM pool \
    JOIN articles a ON a.id = pool.id LEFT JOIN feeds h ON h.id = a.feed_id \
    LEFT JOIN issue_edits e ON e.issue_id = $1 AND e.article_id = a.id ORDER BY a.id";

/// Returns the planned issue, or an id that no issue has.
fn or_none(issue: Option<IssueId>) -> IssueId {
    issue.unwrap_or(IssueId(0))
}

/// Returns the candidates: of each feed the newest 40 articles since `since`, and of these the newest 2,000;
/// the newest 40 that no feed carried; the newest 500 and the 500 that arrived last; every pinned article;
/// and those with edits for the issue. [`mark_carried`] and [`mark_places`] add what other issues carried.
pub async fn candidates(
    tx: &mut Tx,
    issue: Option<IssueId>,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Candidate>, DbError> {
    let until = now + SignedDuration::from_mins(10);
    let rows: Vec<Row> =
        query_as!(tx, SELECT_CANDIDATES, or_none(issue), DbTime(since), DbTime(until)).fetch_all().await?;
    let candidate = |row: Row| Candidate {
        article: row.id,
        fresh_at: row.fresh_at.map(Timestamp::from),
        first_seen_at: row.first_seen_at.0,
        pinned: row.pinned,
        hidden: row.hidden,
        held: row.held,
        source: row.feed_id,
        section: row.section.as_deref().map(title_key).unwrap_or_default(),
        feeds: row.feeds,
        best_place: None,
        carried_for: Vec::new(),
        wish: row.wish,
        place: row.place,
        gone: false,
    };
    Ok(rows.into_iter().map(candidate).collect())
}

/// Sets for which cadences earlier issues of the newsletter carried each candidate. `issue` is the one being
/// planned.
pub async fn mark_carried(
    tx: &mut Tx,
    newsletter: NewsletterId,
    issue: Option<IssueId>,
    candidates: &mut [Candidate],
) -> Result<(), DbError> {
    let ids: Vec<ArticleId> = candidates.iter().map(|it| it.article).collect();
    let rows: Vec<(ArticleId, Cadence)> = query_as!(
        tx,
        "SELECT DISTINCT t.article_id, g.cadence FROM variant_stories t \
         JOIN issue_groups g ON g.variant_id = t.variant_id JOIN issues i ON i.id = g.issue_id \
         WHERE t.article_id {in $1} AND i.newsletter_id = $2 AND i.id <> $3 \
         AND i.status NOT IN ('planned', 'skipped', 'cancelled')",
        DbList(&ids),
        newsletter,
        or_none(issue)
    )
    .fetch_all()
    .await?;
    let mut carried: HashMap<ArticleId, Vec<Cadence>> = HashMap::new();
    for (article, cadence) in rows {
        carried.entry(article).or_default().push(cadence);
    }
    for candidate in candidates {
        let mut cadences = carried.remove(&candidate.article).unwrap_or_default();
        cadences.sort_unstable();
        candidate.carried_for = cadences;
    }
    Ok(())
}

/// Sets the highest place each candidate had in an issue of any newsletter dated from `since` on.
pub async fn mark_places(
    tx: &mut Tx,
    issue: Option<IssueId>,
    since: Date,
    candidates: &mut [Candidate],
) -> Result<(), DbError> {
    let rows: Vec<(ArticleId, i64)> = query_as!(
        tx,
        "SELECT t.article_id, min(t.position) FROM issues i CROSS JOIN issue_variants v CROSS \
         JOIN variant_stories t WHERE v.issue_id = i.id AND t.variant_id = v.id AND i.issue_date >= $1 \
         AND i.id <> $2 AND i.status NOT IN ('planned', 'skipped', 'cancelled') GROUP BY t.article_id",
        DbDate(since),
        or_none(issue)
    )
    .fetch_all()
    .await?;
    let places: HashMap<ArticleId, i64> = rows.into_iter().collect();
    for candidate in candidates {
        candidate.best_place = places.get(&candidate.article).copied();
    }
    Ok(())
}

/// Returns variants of other issues, of any newsletter, that contain some of these articles. At most 20,000
/// stories, of the latest variants.
pub async fn past_variants(
    tx: &mut Tx,
    issue: Option<IssueId>,
    articles: &[ArticleId],
) -> Result<Vec<PastVariant>, DbError> {
    if articles.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(VariantId, ArticleId)> = query_as!(
        tx,
        "SELECT t.variant_id, t.article_id FROM variant_stories t \
         JOIN issue_variants v ON v.id = t.variant_id WHERE t.article_id {in $1} AND v.issue_id <> $2 \
         ORDER BY t.variant_id DESC, t.article_id LIMIT 20000",
        DbList(articles),
        or_none(issue)
    )
    .fetch_all()
    .await?;
    let mut variants: BTreeMap<VariantId, Vec<ArticleId>> = BTreeMap::new();
    for (variant, article) in rows {
        variants.entry(variant).or_default().push(article);
    }
    Ok(variants.into_iter().map(|(variant, articles)| PastVariant { variant, articles }).collect())
}

/// Returns the dates of the newsletter's latest issues before `date` that are sent or being sent, latest
/// first, with the times they were planned.
pub async fn planned_at(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
) -> Result<Vec<(Date, Timestamp)>, DbError> {
    let rows: Vec<(DbDate, DbTime)> = query_as!(
        tx,
        "SELECT issue_date, planned_at FROM issues WHERE newsletter_id = $1 AND issue_date < $2 \
         AND planned_at IS NOT NULL AND status IN ('frozen', 'sending', 'paused', 'held', 'sent') \
         ORDER BY issue_date DESC LIMIT $3",
        newsletter,
        DbDate(date),
        LOOK_BACK_ISSUES
    )
    .fetch_all()
    .await?;
    Ok(rows.into_iter().map(|(date, at)| (date.0, at.0)).collect())
}
