//! Looking at articles' pages: which are due, and what was found.

use crate::{
    db::{
        DbError, DbTime, Tx,
        content::articles::micro,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{content::article::FoundArticle, ids::ArticleId},
};
use jiff::Timestamp;
use url::Url;

/// An article whose page is to be looked at.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Look {
    pub id: ArticleId,
    /// Its canonical address.
    pub url: String,
    /// The address its feed gives it now, if another.
    pub moved_to: Option<String>,
    /// The picture its feed named.
    pub image_url: Option<String>,
    /// What that shows.
    pub image_alt: Option<String>,
    /// Whether the picture was found fit already.
    pub image_ok: bool,
    /// When the picture was looked at.
    pub image_checked_at: Option<DbTime>,
    /// How often looking has failed.
    pub check_tries: i64,
    /// When to look.
    pub check_after: Option<DbTime>,
}

/// What there is to know for looking at an article.
pub async fn to_check(tx: &mut Tx, id: ArticleId) -> Result<Option<Look>, DbError> {
    query_as!(
        tx,
        "SELECT id, url, moved_to, image_url, image_alt, image_ok, image_checked_at, check_tries, \
         check_after FROM articles WHERE id = $1",
        id
    )
    .fetch_optional()
    .await
}

/// Has an article looked at, as soon as its host's turn comes.
pub async fn request_check(tx: &mut Tx, id: ArticleId, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE articles SET check_after = $2, check_tries = 0, check_woken_at = NULL WHERE id = $1",
        id,
        DbTime(now)
    )
    .execute()
    .await
}

/// A picture that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPicture {
    /// Where it is.
    pub url: Url,
    /// What it shows.
    pub alt: Option<String>,
    /// Its width and height in pixels, or why it is not fit for mail.
    pub size: Result<(i64, i64), String>,
}

/// Keeps what looking at an article has found: what was missing is filled in, the date included, which is never later than
/// when the article was first seen.
pub async fn set_checked(
    tx: &mut Tx,
    id: ArticleId,
    page: &FoundArticle,
    now: Timestamp,
) -> Result<(), DbError> {
    let published = page.published_at.map(micro);
    query!(
        tx,
        "UPDATE articles SET dek = COALESCE(dek, $2), author = COALESCE(author, $3), section = \
         COALESCE(section, $4), site_name = COALESCE(site_name, $5), language = COALESCE(language, $6), text \
         = COALESCE(text, $7), published_at = COALESCE(published_at, CASE \
         WHEN $8 > first_seen_at THEN first_seen_at ELSE $8 END), fresh_at = COALESCE(fresh_at, CASE \
         WHEN $8 > first_seen_at THEN first_seen_at ELSE $8 END), page_title = $9, checked_at = $10, \
         check_after = NULL, check_tries = 0, check_woken_at = NULL, check_error = NULL WHERE id = $1",
        id,
        &page.dek,
        &page.author,
        &page.section,
        &page.site_name,
        &page.language,
        &page.text,
        published,
        &page.title,
        DbTime(now)
    )
    .execute()
    .await
}

/// Keeps what looking at an article's picture has found.
pub async fn set_picture(
    tx: &mut Tx,
    id: ArticleId,
    picture: &FoundPicture,
    now: Timestamp,
) -> Result<(), DbError> {
    let (size, problem) = match &picture.size {
        Ok(size) => (Some(*size), None),
        Err(problem) => (None, Some(problem)),
    };
    query!(
        tx,
        "UPDATE articles SET image_url = $2, image_alt = $3, image_width = $4, image_height = $5, image_ok = \
         $6, image_checked_at = $7, image_problem = $8 WHERE id = $1",
        id,
        picture.url.as_str(),
        &picture.alt,
        size.map(|(width, _)| width),
        size.map(|(_, height)| height),
        size.is_some(),
        DbTime(now),
        problem
    )
    .execute()
    .await
}

/// Records that an article could not be looked at. `again`: when to try once more; `None`: that was the last time.
pub async fn set_failed(
    tx: &mut Tx,
    id: ArticleId,
    problem: &str,
    again: Option<Timestamp>,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE articles SET check_error = $2, check_after = $3, check_tries = check_tries + 1, \
         check_woken_at = NULL WHERE id = $1",
        id,
        problem,
        again.map(DbTime)
    )
    .execute()
    .await
}

/// Looks at an article later, because its host is busy. Counts as no attempt.
pub async fn postpone(tx: &mut Tx, id: ArticleId, until: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE articles SET check_after = $2, check_woken_at = NULL WHERE id = $1 \
         AND check_after IS NOT NULL",
        id,
        DbTime(until)
    )
    .execute()
    .await
}

/// Takes articles to look at, newest first, one a host, none of a host that one is being looked at of, and no more than are
/// `at_once` in hand; marks them as woken. What was woken before `woken_before` and is still due was lost.
pub async fn wake_due(
    tx: &mut Tx,
    now: Timestamp,
    woken_before: Timestamp,
    at_once: i64,
) -> Result<Vec<ArticleId>, DbError> {
    let in_hand: i64 = query_scalar!(
        tx,
        "SELECT count(*) FROM articles WHERE check_after IS NOT NULL AND check_woken_at >= $1",
        DbTime(woken_before)
    )
    .fetch_one()
    .await?;
    if in_hand >= at_once {
        return Ok(Vec::new());
    }
    query_scalar!(
        tx,
        "UPDATE articles SET check_woken_at = $1 WHERE check_after IS NOT NULL AND id IN (SELECT t.id \
         FROM (SELECT id, row_number() OVER (PARTITION BY host ORDER BY id DESC) AS turn FROM articles a \
         WHERE check_after <= $1 AND (check_woken_at IS NULL OR check_woken_at < $2) AND NOT EXISTS (\
         SELECT 1 FROM articles o WHERE o.host = a.host AND o.check_after IS NOT NULL \
         AND o.check_woken_at >= $2)) t WHERE t.turn = 1 ORDER BY t.id DESC LIMIT $3) \
         AND (check_woken_at IS NULL OR check_woken_at < $2) RETURNING id",
        DbTime(now),
        DbTime(woken_before),
        at_once - in_hand
    )
    .fetch_all()
    .await
}
