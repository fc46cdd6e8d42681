//! Tables `articles` and `article_sources`: each story once, however many feeds carry it.

mod identity;
mod look;
mod store;

pub use crate::db::content::articles::look::{
    FoundPicture, Look, postpone, request_check, set_checked, set_failed, set_picture, to_check, wake_due,
};
pub use crate::db::content::articles::store::{Origin, Stored, store, store_reading};

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
    },
    domain::{
        content::article::{MAX_TITLE_CHARS, canonical_url, one_line, title_key, url_key},
        ids::ArticleId,
        subscriber::sections::{MAX_SECTION_CHARS, MAX_SECTIONS},
    },
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ArticleRecord {
    pub id: ArticleId,
    /// The canonical URL.
    pub url: String,
    pub title: String,
    /// The summary below the headline.
    pub dek: Option<String>,
    pub author: Option<String>,
    /// The section of the site.
    pub section: Option<String>,
    pub site_name: Option<String>,
    /// The image, if it was found fit for email.
    pub image_url: Option<String>,
    /// The publisher's description of the image.
    pub image_alt: Option<String>,
    /// The image's width in pixels.
    pub image_width: Option<i64>,
    /// The image's height in pixels.
    pub image_height: Option<i64>,
    pub published_at: Option<DbTime>,
    pub first_seen_at: DbTime,
    /// The headline found on the page.
    pub page_title: Option<String>,
    /// The last check of its page.
    pub checked_at: Option<DbTime>,
    /// An operator wants it in the next issue.
    pub pinned: bool,
    /// An operator wants it in no issue.
    pub hidden: bool,
}

/// The columns of an [`ArticleRecord`], each behind a prefix such as `"a."`. An unfit image counts as none.
macro_rules! article_columns {
    ($of:literal) => {
        concat!(
            $of,
            "id, ",
            $of,
            "url, ",
            $of,
            "title, ",
            $of,
            "dek, ",
            $of,
            "author, ",
            $of,
            "section, ",
            $of,
            "site_name, CASE WHEN ",
            $of,
            "image_ok THEN ",
            $of,
            "image_url END AS image_url, CASE WHEN ",
            $of,
            "image_ok THEN ",
            $of,
            "image_alt END AS image_alt, CASE WHEN ",
            $of,
            "image_ok THEN ",
            $of,
            "image_width END AS image_width, CASE WHEN ",
            $of,
            "image_ok THEN ",
            $of,
            "image_height END AS image_height, ",
            $of,
            "published_at, ",
            $of,
            "first_seen_at, ",
            $of,
            "page_title, ",
            $of,
            "checked_at, ",
            $of,
            "pinned, ",
            $of,
            "hidden"
        )
    };
}
pub(crate) use article_columns;

/// Returns a page of articles before `before`, newest first.
pub async fn page(tx: &mut Tx, before: ArticleId, limit: i64) -> Result<Vec<ArticleRecord>, DbError> {
    query_as!(
        tx,
        concat!("SELECT ", article_columns!(""), " FROM articles WHERE id < $1 ORDER BY id DESC LIMIT $2"),
        before,
        limit
    )
    .fetch_all()
    .await
}

/// Returns the article with this id.
pub async fn get(tx: &mut Tx, id: ArticleId) -> Result<Option<ArticleRecord>, DbError> {
    query_as!(tx, concat!("SELECT ", article_columns!(""), " FROM articles WHERE id = $1"), id)
        .fetch_optional()
        .await
}

/// Returns the articles with these ids, in no order.
pub async fn with_ids(tx: &mut Tx, ids: &[ArticleId]) -> Result<Vec<ArticleRecord>, DbError> {
    query_as!(tx, concat!("SELECT ", article_columns!(""), " FROM articles WHERE id {in $1}"), DbList(ids))
        .fetch_all()
        .await
}

/// Pins or unpins an article. Returns `false` if it doesn't exist.
pub async fn set_pinned(tx: &mut Tx, id: ArticleId, pinned: bool) -> Result<bool, DbError> {
    query!(tx, "UPDATE articles SET pinned = $2 WHERE id = $1", id, pinned)
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Hides an article from issues, or shows it again. Returns `false` if it doesn't exist.
pub async fn set_hidden(tx: &mut Tx, id: ArticleId, hidden: bool) -> Result<bool, DbError> {
    query!(tx, "UPDATE articles SET hidden = $2 WHERE id = $1", id, hidden)
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Changes an article's URL, because its page names another one. Returns `false` if another article has that
/// URL, or the article doesn't exist.
pub async fn set_url(tx: &mut Tx, id: ArticleId, url: &url::Url) -> Result<bool, DbError> {
    let key = url_key(url);
    query!(
        tx,
        "UPDATE articles SET url = $2, url_key = $3, moved_to = NULL WHERE id = $1 AND NOT EXISTS (SELECT 1 \
         FROM articles o WHERE o.url_key = $3 AND o.id <> $1)",
        id,
        canonical_url(url).as_str(),
        &key
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Changes an article's headline to that of its page. Returns `false` if the article doesn't exist.
pub async fn set_title(tx: &mut Tx, id: ArticleId, title: &str) -> Result<bool, DbError> {
    let title = one_line(title, MAX_TITLE_CHARS);
    query!(
        tx,
        "UPDATE articles SET title = $2, title_key = $3, page_title = $2 WHERE id = $1",
        id,
        &title,
        title_key(&title)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Limits a time to whole microseconds and to plausible years.
fn micro(at: Timestamp) -> DbTime {
    let earliest = Timestamp::UNIX_EPOCH - SignedDuration::from_hours(24 * 365 * 200);
    let latest = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 200);
    let at = at.clamp(earliest, latest);
    DbTime(Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
}

/// Returns the article with this URL.
pub async fn at_url(tx: &mut Tx, url: &url::Url) -> Result<Option<ArticleId>, DbError> {
    query_scalar!(tx, "SELECT id FROM articles WHERE url_key = $1", url_key(url)).fetch_optional().await
}

pub async fn unpin(tx: &mut Tx, ids: &[ArticleId]) -> Result<(), DbError> {
    query!(tx, "UPDATE articles SET pinned = FALSE WHERE id {in $1}", DbList(ids)).execute().await
}

/// Returns which of these articles are hidden.
pub async fn hidden_among(tx: &mut Tx, ids: &[ArticleId]) -> Result<HashSet<ArticleId>, DbError> {
    let hidden: Vec<ArticleId> =
        query_scalar!(tx, "SELECT id FROM articles WHERE id {in $1} AND hidden", DbList(ids))
            .fetch_all()
            .await?;
    Ok(hidden.into_iter().collect())
}

/// Returns whether one of these articles is hidden.
pub async fn any_hidden(tx: &mut Tx, ids: &[ArticleId]) -> Result<bool, DbError> {
    Ok(!hidden_among(tx, ids).await?.is_empty())
}

/// Returns the titles of those articles whose pages could not be read at the last attempt.
pub async fn unreadable(tx: &mut Tx, ids: &[ArticleId]) -> Result<Vec<String>, DbError> {
    query_scalar!(
        tx,
        "SELECT title FROM articles WHERE id {in $1} AND check_error IS NOT NULL ORDER BY id",
        DbList(ids)
    )
    .fetch_all()
    .await
}

/// Returns the headlines of articles.
pub async fn titles(tx: &mut Tx, ids: &[ArticleId]) -> Result<HashMap<ArticleId, String>, DbError> {
    let rows: Vec<(ArticleId, String)> =
        query_as!(tx, "SELECT id, title FROM articles WHERE id {in $1}", DbList(ids)).fetch_all().await?;
    Ok(rows.into_iter().collect())
}

/// Returns the most frequent section names of the latest articles, in alphabetical order. Bounded.
pub async fn recent_sections(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let names: Vec<String> = query_scalar!(
        tx,
        "SELECT section FROM (SELECT section FROM articles WHERE NOT hidden ORDER BY id DESC \
         LIMIT 1000) AS latest WHERE section IS NOT NULL GROUP BY section ORDER BY count(*) DESC, section \
         LIMIT 60"
    )
    .fetch_all()
    .await?;
    // Spellings with the same key count as one. The most frequent one comes first.
    let mut sections = BTreeMap::new();
    for name in names {
        let key = title_key(&name);
        if !key.is_empty() && key.chars().count() <= MAX_SECTION_CHARS && sections.len() < MAX_SECTIONS {
            sections.entry(key).or_insert(name);
        }
    }
    Ok(sections.into_values().collect())
}
