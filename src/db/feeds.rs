//! Table `feeds`.

use super::{DbError, Stamp, Tx, on};
use crate::domain::ids::FeedId;
use jiff::Timestamp;

/// A feed and how reading it goes.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct FeedRecord {
    /// The row.
    #[sqlx(try_from = "i64")]
    pub id: FeedId,
    /// Where it is: `https://…` or `file:///…`.
    pub url: String,
    /// What it calls itself.
    pub title: String,
    /// The site it belongs to.
    pub site_url: Option<String>,
    /// `active` or `retired`.
    pub status: String,
    /// The validator of the last answer (RFC 9110 section 8.8.3).
    pub etag: Option<String>,
    /// The date validator of the last answer (RFC 9110 section 8.8.2).
    pub last_modified: Option<String>,
    /// When it is read next.
    pub next_poll_at: Stamp,
    /// When it was last tried.
    pub polled_at: Option<Stamp>,
    /// When it was last read well.
    pub succeeded_at: Option<Stamp>,
    /// Failures since then.
    pub failures: i64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

macro_rules! select_feed {
    ($rest:literal) => {
        concat!(
            "SELECT id, url, title, site_url, status, etag, last_modified, next_poll_at, polled_at, succeeded_at, \
             failures, last_error FROM feeds ",
            $rest
        )
    };
}

/// All feeds, oldest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<FeedRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_feed!("ORDER BY id")).fetch_all(conn).await)
}

/// The feed with this row.
pub async fn get(tx: &mut Tx, id: FeedId) -> Result<Option<FeedRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_feed!("WHERE id = $1")).bind(id.0).fetch_optional(conn).await)
}

/// The feed at this address.
pub async fn by_url(tx: &mut Tx, url: &str) -> Result<Option<FeedRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_feed!("WHERE url = $1")).bind(url).fetch_optional(conn).await)
}

/// Adds a feed, due at once; one that was removed before is active again.
pub async fn insert(tx: &mut Tx, url: &str, now: Timestamp) -> Result<FeedId, DbError> {
    let id: i64 = on!(tx, |conn| {
        sqlx::query_scalar(
        "INSERT INTO feeds (url, title, status, next_poll_at, created_at) VALUES ($1, '', 'active', $2, $2) \
         ON CONFLICT (url) DO UPDATE SET status = 'active', next_poll_at = excluded.next_poll_at RETURNING id"
    )
    .bind(url)
    .bind(Stamp(now))
    .fetch_one(conn)
    .await?
    });
    Ok(FeedId(id))
}

/// Stops reading a feed; its articles stay.
pub async fn retire(tx: &mut Tx, id: FeedId, why: &str) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE feeds SET status = 'retired', last_error = $2 WHERE id = $1")
        .bind(id.0)
        .bind(why)
        .execute(conn)
        .await
        .map(drop))
}

/// What a successful reading leaves behind.
#[derive(Debug, Clone, Default)]
pub struct Reading<'a> {
    /// The feed's title; `None` where nothing was new.
    pub title: Option<&'a str>,
    /// The site it belongs to.
    pub site_url: Option<&'a str>,
    /// Validators for the next request.
    pub etag: Option<&'a str>,
    /// Likewise.
    pub last_modified: Option<&'a str>,
}

/// Records that a feed was read.
pub async fn set_read(
    tx: &mut Tx,
    id: FeedId,
    reading: &Reading<'_>,
    now: Timestamp,
    next: Timestamp,
) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE feeds SET title = COALESCE($2, title), site_url = COALESCE($3, site_url), etag = $4, \
         last_modified = $5, polled_at = $6, succeeded_at = $6, next_poll_at = $7, failures = 0, last_error = NULL \
         WHERE id = $1"
    )
    .bind(id.0)
    .bind(reading.title)
    .bind(reading.site_url)
    .bind(reading.etag)
    .bind(reading.last_modified)
    .bind(Stamp(now))
    .bind(Stamp(next))
    .execute(conn)
    .await
    .map(drop)
    })
}

/// Records that a feed could not be read.
pub async fn set_failed(
    tx: &mut Tx,
    id: FeedId,
    error: &str,
    now: Timestamp,
    next: Timestamp,
) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE feeds SET polled_at = $3, next_poll_at = $4, failures = failures + 1, last_error = $2 WHERE id = $1"
    )
    .bind(id.0)
    .bind(error)
    .bind(Stamp(now))
    .bind(Stamp(next))
    .execute(conn)
    .await
    .map(drop)
    })
}

/// Takes the feeds that are due and have not been woken since `woken_before`, and marks them as woken.
pub async fn wake_due(
    tx: &mut Tx,
    now: Timestamp,
    woken_before: Timestamp,
    limit: i64,
) -> Result<Vec<FeedId>, DbError> {
    let ids: Vec<i64> = on!(tx, |conn| {
        sqlx::query_scalar(
        "UPDATE feeds SET woken_at = $1 WHERE id IN (SELECT id FROM feeds WHERE status = 'active' \
         AND next_poll_at <= $1 AND (woken_at IS NULL OR woken_at < $2) ORDER BY next_poll_at LIMIT $3) AND (woken_at IS NULL OR woken_at < $2) RETURNING id"
    )
    .bind(Stamp(now))
    .bind(Stamp(woken_before))
    .bind(limit)
    .fetch_all(conn)
    .await?
    });
    Ok(ids.into_iter().map(FeedId).collect())
}
