//! Tables `articles` and `article_sources`: each story once, however many feeds carry it.

use super::{DbError, EngineTx, Stamp, Tx, on};
use crate::domain::{
    article::{FoundArticle, canonical_url, same_story, title_key, url_key},
    ids::{ArticleId, FeedId},
    sections::{MAX_SECTION_CHARS, MAX_SECTIONS},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// An article's row.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ArticleRecord {
    /// The row.
    #[sqlx(try_from = "i64")]
    pub id: ArticleId,
    /// Its canonical address.
    pub url: String,
    /// Headline.
    pub title: String,
    /// The sentence below the headline.
    pub dek: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// The part of the site it belongs to.
    pub section: Option<String>,
    /// The site's name.
    pub site_name: Option<String>,
    /// Its picture.
    pub image_url: Option<String>,
    /// When it was published, as far as known.
    pub published_at: Option<Stamp>,
    /// When Daily first saw it.
    pub first_seen_at: Stamp,
    /// An operator wants it in the next issue.
    pub pinned: bool,
    /// An operator wants it in no issue.
    pub hidden: bool,
}

/// How an article came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A feed carries it. `first_reading`: the feed was never read before, so an undated item is no news.
    Feed {
        /// Which feed.
        feed: FeedId,
        /// Whether this is the first time the feed is read.
        first_reading: bool,
    },
    /// An operator added it by hand: new by that act, whatever its date.
    Operator,
}

/// What storing an article came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New(ArticleId),
    /// It was there, perhaps from another feed or under an address with tracking parameters.
    Known(ArticleId),
}

impl Stored {
    /// The row, new or not.
    pub const fn id(self) -> ArticleId {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

macro_rules! article_columns {
    () => {
        "id, url, title, dek, author, section, site_name, image_url, published_at, first_seen_at, pinned, hidden"
    };
}

/// Stores an article, or finds the one it is. `None` if it has no address, without which readers can't open it.
pub async fn store(
    tx: &mut Tx,
    found: &FoundArticle,
    origin: Origin,
    now: Timestamp,
) -> Result<Option<Stored>, DbError> {
    let Some(url) = &found.url else { return Ok(None) };
    let stored = match known(tx, found).await? {
        Some(id) => {
            fill_in(tx, id, found).await?;
            Stored::Known(id)
        }
        None => insert(tx, found, url, origin, now).await?,
    };
    if let Origin::Feed { feed, .. } = origin {
        add_source(tx, stored.id(), feed, found.guid.as_deref(), now).await?;
    }
    Ok(Some(stored))
}

/// The same address, or the same headline published at the same time.
async fn known(tx: &mut Tx, found: &FoundArticle) -> Result<Option<ArticleId>, DbError> {
    let Some(url) = &found.url else { return Ok(None) };
    let by_url: Option<i64> =
        on!(tx, |conn| sqlx::query_scalar("SELECT id FROM articles WHERE url_key = $1")
            .bind(url_key(url))
            .fetch_optional(conn)
            .await?);
    if by_url.is_some() {
        return Ok(by_url.map(ArticleId));
    }
    let title = title_key(&found.title);
    let twins: Vec<(i64, Option<Stamp>)> = on!(tx, |conn| sqlx::query_as(
        "SELECT id, published_at FROM articles WHERE title_key = $1 ORDER BY id DESC LIMIT 20"
    )
    .bind(&title)
    .fetch_all(conn)
    .await?);
    let twin = twins.into_iter().find(|(_, published)| {
        same_story((&title, found.published_at), (&title, published.map(Timestamp::from)))
    });
    Ok(twin.map(|(id, _)| ArticleId(id)))
}

async fn insert(
    tx: &mut Tx,
    found: &FoundArticle,
    url: &url::Url,
    origin: Origin,
    now: Timestamp,
) -> Result<Stored, DbError> {
    let fresh_at = match origin {
        Origin::Operator => Some(now),
        Origin::Feed { first_reading: true, .. } => found.published_at,
        Origin::Feed { first_reading: false, .. } => found.published_at.or(Some(now)),
    };
    let source = match origin {
        Origin::Operator => None,
        Origin::Feed { feed, .. } => Some(feed.0),
    };
    let id: Option<i64> = on!(tx, |conn| {
        sqlx::query_scalar(
        "INSERT INTO articles (url, url_key, title, title_key, dek, author, section, site_name, image_url, language, \
         text, published_at, fresh_at, first_seen_at, feed_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (url_key) DO NOTHING RETURNING id"
    )
    .bind(canonical_url(url).as_str())
    .bind(url_key(url))
    .bind(&found.title)
    .bind(title_key(&found.title))
    .bind(&found.dek)
    .bind(&found.author)
    .bind(&found.section)
    .bind(&found.site_name)
    .bind(found.image_url.as_ref().map(url::Url::as_str))
    .bind(&found.language)
    .bind(&found.text)
    .bind(found.published_at.map(micro))
    .bind(fresh_at.map(micro))
    .bind(Stamp(now))
    .bind(source)
    .fetch_optional(conn)
    .await?
    });
    match id {
        Some(id) => Ok(Stored::New(ArticleId(id))),
        // Another process stored the same address a moment ago.
        None => known(tx, found).await?.map(Stored::Known).ok_or(DbError::RowNotFound),
    }
}

/// Keeps what is known and adds what was missing.
async fn fill_in(tx: &mut Tx, id: ArticleId, found: &FoundArticle) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE articles SET dek = COALESCE(dek, $2), author = COALESCE(author, $3), section = COALESCE(section, $4), \
         site_name = COALESCE(site_name, $5), image_url = COALESCE(image_url, $6), text = COALESCE(text, $7), \
         published_at = COALESCE(published_at, $8), fresh_at = COALESCE(fresh_at, $8) WHERE id = $1"
    )
    .bind(id.0)
    .bind(&found.dek)
    .bind(&found.author)
    .bind(&found.section)
    .bind(&found.site_name)
    .bind(found.image_url.as_ref().map(url::Url::as_str))
    .bind(&found.text)
    .bind(found.published_at.map(micro))
    .execute(conn)
    .await
    .map(drop)
    })
}

async fn add_source(
    tx: &mut Tx,
    article: ArticleId,
    feed: FeedId,
    guid: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO article_sources (article_id, feed_id, guid, seen_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (article_id, feed_id) DO NOTHING"
    )
    .bind(article.0)
    .bind(feed.0)
    .bind(guid)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop))
}

/// Articles may carry nanoseconds or absurd years; the store keeps microseconds.
fn micro(at: Timestamp) -> Stamp {
    let earliest = Timestamp::UNIX_EPOCH - SignedDuration::from_hours(24 * 365 * 200);
    let latest = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 200);
    let at = at.clamp(earliest, latest);
    Stamp(Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
}

/// A page of articles before `before` (exclusive), newest row first.
pub async fn page(tx: &mut Tx, before: ArticleId, limit: i64) -> Result<Vec<ArticleRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(concat!(
        "SELECT ",
        article_columns!(),
        " FROM articles WHERE id < $1 ORDER BY id DESC LIMIT $2"
    ))
    .bind(before.0)
    .bind(limit)
    .fetch_all(conn)
    .await)
}

/// The article with this row.
pub async fn get(tx: &mut Tx, id: ArticleId) -> Result<Option<ArticleRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(concat!("SELECT ", article_columns!(), " FROM articles WHERE id = $1"))
        .bind(id.0)
        .fetch_optional(conn)
        .await)
}

/// Pins an article to the next issue, or takes the pin off. `false`: there is no such article.
pub async fn set_pinned(tx: &mut Tx, id: ArticleId, pinned: bool) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query("UPDATE articles SET pinned = $2 WHERE id = $1")
        .bind(id.0)
        .bind(pinned)
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// Keeps an article out of issues, or lets it in again. `false`: there is no such article.
pub async fn set_hidden(tx: &mut Tx, id: ArticleId, hidden: bool) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query("UPDATE articles SET hidden = $2 WHERE id = $1")
        .bind(id.0)
        .bind(hidden)
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// The titles of these articles.
pub async fn titles(tx: &mut Tx, ids: &[ArticleId]) -> Result<HashMap<ArticleId, String>, DbError> {
    let list = serde_json::to_string(ids).map_err(|error| DbError::Encode(Box::new(error)))?;
    let rows: Vec<(i64, String)> = match tx.by_engine() {
        EngineTx::Sqlite(conn) => {
            sqlx::query_as("SELECT id, title FROM articles WHERE id IN (SELECT value FROM json_each($1))")
                .bind(list)
                .fetch_all(conn)
                .await?
        }
        EngineTx::Postgres(conn) => {
            sqlx::query_as(
                "SELECT id, title FROM articles WHERE id IN (SELECT CAST(json_array_elements_text($1::json) AS BIGINT))",
            )
            .bind(list)
            .fetch_all(conn)
            .await?
        }
    };
    Ok(rows.into_iter().map(|(id, title)| (ArticleId(id), title)).collect())
}

/// Names of the sections of the latest articles, the most frequent ones of them, in alphabetical order. Bounded.
pub async fn recent_sections(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let names: Vec<String> = on!(tx, |conn| {
        sqlx::query_scalar(
            "SELECT section FROM (SELECT section FROM articles WHERE NOT hidden ORDER BY id DESC LIMIT 1000) AS latest \
             WHERE section IS NOT NULL GROUP BY section ORDER BY count(*) DESC, section LIMIT 60",
        )
        .fetch_all(conn)
        .await?
    });
    // By key, in whatever way they are written; the most frequent way is the first.
    let mut sections = BTreeMap::new();
    for name in names {
        let key = title_key(&name);
        if !key.is_empty() && key.chars().count() <= MAX_SECTION_CHARS && sections.len() < MAX_SECTIONS {
            sections.entry(key).or_insert(name);
        }
    }
    Ok(sections.into_values().collect())
}
