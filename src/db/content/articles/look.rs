//! Checks of articles' pages and images: which are due, and their results.

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

/// An article whose page is to be checked.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Look {
    pub id: ArticleId,
    /// The canonical URL.
    pub url: String,
    pub title: String,
    pub text: Option<String>,
    /// The URL that its feed gives now, if it is another.
    pub moved_to: Option<String>,
    /// The image that its feed named.
    pub image_url: Option<String>,
    pub image_alt: Option<String>,
    /// Whether the image was found fit already.
    pub image_ok: bool,
    pub image_checked_at: Option<DbTime>,
    /// Failed checks in a row.
    pub check_tries: i64,
    pub check_after: Option<DbTime>,
}

/// Returns what the check of an article needs to know.
pub async fn to_check(tx: &mut Tx, id: ArticleId) -> Result<Option<Look>, DbError> {
    query_as!(
        tx,
        "SELECT id, url, title, text, moved_to, image_url, image_alt, image_ok, image_checked_at, check_tries, \
         check_after FROM articles WHERE id = $1",
        id
    )
    .fetch_optional()
    .await
}

/// Makes an article's check due, as soon as its host allows.
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

/// An image that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPicture {
    pub url: Url,
    pub alt: Option<String>,
    /// Width and height in pixels, or why the image is unfit for email.
    pub size: Result<(i64, i64), String>,
}

/// Saves the result of an article's check. Fills in missing fields. A date found now is never later than the
/// time the article was first seen.
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

/// Saves the result of an image's check.
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

/// Records that a check failed. `again` is the next attempt, `None` means that this was the last.
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

/// Postpones a check because the host is busy. Doesn't count as an attempt.
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

/// Marks articles to check as woken and returns them, newest first. Takes one article per host, none of a
/// host with a check under way, and at most `at_once` together with those under way. A check woken before
/// `woken_before` that is still due was lost.
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
