//! Tables `pictures` and `article_pictures`: the files that Daily made of stories' pictures.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
    },
    domain::{
        content::made_picture::{FileName, MadePictures},
        ids::{ArticleId, IssueId},
    },
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};

/// How much older a picture's last plan may look than it is, to save writes.
const TOUCH_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// An article whose picture is fit for email, but was not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmade {
    pub article: ArticleId,
    /// The URL of the original.
    pub source_url: String,
    /// Failed attempts with this original.
    pub tries: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    article_id: ArticleId,
    image_url: String,
    made: Option<String>,
    tries: Option<i64>,
    retry_after: Option<DbTime>,
}

impl Row {
    fn pictures(&self) -> Option<MadePictures> {
        // Names of an older version, which can't be read, count as none.
        serde_json::from_str(self.made.as_deref()?).ok()
    }
}

async fn rows(tx: &mut Tx, issue: Option<IssueId>, ids: &[ArticleId]) -> Result<Vec<Row>, DbError> {
    query_as!(
        tx,
        "SELECT a.id AS article_id, COALESCE(e.picture, a.image_url) AS image_url, p.made, p.tries, \
         p.retry_after FROM articles a LEFT JOIN issue_edits e ON e.article_id = a.id AND e.issue_id = $2 \
         LEFT JOIN article_pictures p ON p.article_id = a.id AND p.source_url = COALESCE(e.picture, a.image_url) WHERE a.id {in $1} \
         AND (e.picture <> '' OR (e.picture IS NULL AND a.image_ok AND a.image_url IS NOT NULL))",
        DbList(ids),
        issue
    )
    .fetch_all()
    .await
}

/// Returns the pictures that were made of these articles' images in an issue, if all their files exist.
pub async fn made(
    tx: &mut Tx,
    issue: Option<IssueId>,
    ids: &[ArticleId],
) -> Result<HashMap<ArticleId, MadePictures>, DbError> {
    let rows = rows(tx, issue, ids).await?;
    let made = rows.iter().filter_map(|row| Some((row.article_id, row.pictures()?))).collect();
    with_files(tx, made).await
}

/// Returns those pictures of which all files exist.
pub(crate) async fn with_files<K: Eq + std::hash::Hash>(
    tx: &mut Tx,
    mut made: HashMap<K, MadePictures>,
) -> Result<HashMap<K, MadePictures>, DbError> {
    let hashes: Vec<String> = made.values().flat_map(MadePictures::hashes).map(str::to_owned).collect();
    if hashes.is_empty() {
        return Ok(made);
    }
    let there: Vec<String> =
        query_scalar!(tx, "SELECT hash FROM pictures WHERE hash {in $1}", DbList(&hashes))
            .fetch_all()
            .await?;
    let there: HashSet<String> = there.into_iter().collect();
    made.retain(|_, pictures| pictures.hashes().all(|hash| there.contains(hash)));
    Ok(made)
}

/// Returns those of these articles whose pictures are to be made now, in the given order.
pub async fn unmade(
    tx: &mut Tx,
    issue: IssueId,
    ids: &[ArticleId],
    now: Timestamp,
) -> Result<Vec<Unmade>, DbError> {
    let made = made(tx, Some(issue), ids).await?;
    let mut rows: HashMap<ArticleId, Row> =
        rows(tx, Some(issue), ids).await?.into_iter().map(|row| (row.article_id, row)).collect();
    let mut unmade = Vec::new();
    for id in ids {
        let Some(row) = rows.remove(id).filter(|_| !made.contains_key(id)) else { continue };
        let has_failed = row.tries.is_some() && row.made.is_none();
        if !has_failed || row.retry_after.is_some_and(|at| at.0 <= now) {
            let tries = if has_failed { row.tries.unwrap_or_default() } else { 0 };
            unmade.push(Unmade { article: *id, source_url: row.image_url, tries });
        }
    }
    Ok(unmade)
}

/// Saves a file. A known one counts as planned again.
pub async fn insert(tx: &mut Tx, name: &FileName, bytes: &[u8], now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO pictures (hash, format, planned_at, bytes) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (hash) DO UPDATE SET planned_at = excluded.planned_at",
        &name.hash,
        name.format.as_str(),
        DbTime(now),
        bytes
    )
    .execute()
    .await
}

/// Saves which files were made of an article's image.
pub async fn set_made(
    tx: &mut Tx,
    id: ArticleId,
    source_url: &str,
    made: &MadePictures,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO article_pictures (article_id, source_url, made) VALUES ($1, $2, $3) \
         ON CONFLICT (article_id, source_url) DO UPDATE SET made = excluded.made, tries = 0, retry_after = NULL, problem = NULL",
        id,
        source_url,
        json_rows(made)?
    )
    .execute()
    .await
}

/// Saves that no pictures could be made. `again` is the earliest next attempt, `None` means that this was the last.
pub async fn set_failed(
    tx: &mut Tx,
    unmade: &Unmade,
    problem: &str,
    again: Option<Timestamp>,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO article_pictures (article_id, source_url, tries, retry_after, problem) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (article_id, source_url) DO UPDATE SET made = NULL, tries = excluded.tries, retry_after = excluded.retry_after, problem = excluded.problem",
        unmade.article,
        &unmade.source_url,
        unmade.tries + 1,
        again.map(DbTime),
        problem
    )
    .execute()
    .await
}

/// Records that a plan has these files, so that retention keeps them.
pub async fn touch(tx: &mut Tx, hashes: &[String], now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE pictures SET planned_at = $2 WHERE hash {in $1} AND planned_at < $3",
        DbList(hashes),
        DbTime(now),
        DbTime(now - TOUCH_AFTER)
    )
    .execute()
    .await
}

/// Marks files as part of a sent issue, so that they are kept for good. Returns `false` if one of them no longer
/// exists.
pub(crate) async fn set_sent(tx: &mut Tx, hashes: &HashSet<String>, now: Timestamp) -> Result<bool, DbError> {
    if hashes.is_empty() {
        return Ok(true);
    }
    let hashes: Vec<String> = hashes.iter().cloned().collect();
    query!(
        tx,
        "UPDATE pictures SET sent_at = COALESCE(sent_at, $2) WHERE hash {in $1}",
        DbList(&hashes),
        DbTime(now)
    )
    .rows_affected()
    .await
    .map(|rows| usize::try_from(rows).is_ok_and(|rows| rows == hashes.len()))
}

/// Returns whether there is such a file.
pub async fn exists(tx: &mut Tx, name: &FileName) -> Result<bool, DbError> {
    let found: Option<i64> = query_scalar!(
        tx,
        "SELECT CAST(1 AS BIGINT) FROM pictures WHERE hash = $1 AND format = $2",
        &name.hash,
        name.format.as_str()
    )
    .fetch_optional()
    .await?;
    Ok(found.is_some())
}

/// Returns the bytes of a file.
pub async fn bytes(tx: &mut Tx, name: &FileName) -> Result<Option<Vec<u8>>, DbError> {
    query_scalar!(
        tx,
        "SELECT bytes FROM pictures WHERE hash = $1 AND format = $2",
        &name.hash,
        name.format.as_str()
    )
    .fetch_optional()
    .await
}

/// Removes files that were in no sent issue, and in no plan since `until`. Returns their number, at most `limit`.
pub async fn drop_unsent(tx: &mut Tx, until: Timestamp, limit: i64) -> Result<u64, DbError> {
    query!(
        tx,
        "DELETE FROM pictures WHERE sent_at IS NULL AND hash IN (SELECT hash FROM pictures \
         WHERE sent_at IS NULL AND planned_at < $1 ORDER BY planned_at LIMIT $2)",
        DbTime(until - TOUCH_AFTER),
        limit
    )
    .rows_affected()
    .await
}
