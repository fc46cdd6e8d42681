//! Table `issue_edits`, and operators' edits of an issue itself. They are separate from the plan, which is
//! made again and again.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as},
    },
    domain::{
        ids::{ArticleId, IssueId},
        issue::{revision::Revision, selection::Wish},
    },
};
use jiff::Timestamp;

/// An operator's edits of a story in one issue.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct StoryEdit {
    pub article_id: ArticleId,
    /// Pinned or dropped.
    pub wish: Option<Wish>,
    /// The place, counted from 1.
    pub place: Option<i64>,
    pub title: Option<String>,
    /// The summary in this issue. Empty: none.
    pub dek: Option<String>,
    /// The URL of its picture in this issue. Empty: none.
    pub picture: Option<String>,
}

/// Returns the edits of an issue.
pub async fn edits(tx: &mut Tx, id: IssueId) -> Result<Vec<StoryEdit>, DbError> {
    query_as!(
        tx,
        "SELECT article_id, wish, place, title, dek, picture FROM issue_edits WHERE issue_id = $1 ORDER BY article_id \
         LIMIT 1000",
        id
    )
    .fetch_all()
    .await
}

/// Pins or drops a story. `None` removes the wish.
pub async fn set_wish(
    tx: &mut Tx,
    id: IssueId,
    article: ArticleId,
    wish: Option<Wish>,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO issue_edits (issue_id, article_id, wish) VALUES ($1, $2, $3) \
         ON CONFLICT (issue_id, article_id) DO UPDATE SET wish = excluded.wish",
        id,
        article,
        wish
    )
    .execute()
    .await
}

/// Saves a story's place. Other stories may have the same place; they are ordered by their numbers.
pub async fn set_place(tx: &mut Tx, id: IssueId, article: ArticleId, place: i64) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO issue_edits (issue_id, article_id, place) VALUES ($1, $2, $3) \
         ON CONFLICT (issue_id, article_id) DO UPDATE SET place = excluded.place, wish = CASE \
         WHEN issue_edits.wish = 'drop' THEN NULL ELSE issue_edits.wish END",
        id,
        article,
        place
    )
    .execute()
    .await
}

/// Saves a story's headline or summary for this issue. `None` leaves it as it is.
pub async fn set_words(
    tx: &mut Tx,
    id: IssueId,
    article: ArticleId,
    title: Option<&str>,
    dek: Option<&str>,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO issue_edits (issue_id, article_id, title, dek) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (issue_id, article_id) DO UPDATE \
         SET title = COALESCE(excluded.title, issue_edits.title), dek = COALESCE(excluded.dek, \
         issue_edits.dek)",
        id,
        article,
        title,
        dek
    )
    .execute()
    .await
}

/// Saves a story's picture for this issue. Empty: none.
pub async fn set_picture(tx: &mut Tx, id: IssueId, article: ArticleId, picture: &str) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO issue_edits (issue_id, article_id, picture) VALUES ($1, $2, $3) \
         ON CONFLICT (issue_id, article_id) DO UPDATE SET picture = excluded.picture",
        id,
        article,
        picture
    )
    .execute()
    .await
}

/// Removes a story's wish and place.
pub async fn release(tx: &mut Tx, id: IssueId, article: ArticleId) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issue_edits SET wish = NULL, place = NULL WHERE issue_id = $1 AND article_id = $2",
        id,
        article
    )
    .execute()
    .await?;
    query!(
        tx,
        "DELETE FROM issue_edits WHERE issue_id = $1 AND article_id = $2 AND wish IS NULL AND place IS NULL \
         AND title IS NULL AND dek IS NULL AND picture IS NULL",
        id,
        article
    )
    .execute()
    .await
}

/// Removes all edits of a story.
pub async fn undo(tx: &mut Tx, id: IssueId, article: ArticleId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM issue_edits WHERE issue_id = $1 AND article_id = $2", id, article).execute().await
}

/// An operator's own texts for an issue. `None` leaves a text as it is, an empty text removes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueWords {
    pub subject: Option<String>,
    /// The text that inboxes show after the subject.
    pub preheader: Option<String>,
    /// Markdown above the stories.
    pub note: Option<String>,
}

/// Saves an operator's own texts.
pub async fn set_issue_words(tx: &mut Tx, id: IssueId, words: &IssueWords) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET subject = NULLIF(COALESCE($2, subject, ''), ''), preheader = NULLIF(COALESCE($3, \
         preheader, ''), ''), note = NULLIF(COALESCE($4, note, ''), '') WHERE id = $1",
        id,
        &words.subject,
        &words.preheader,
        &words.note
    )
    .execute()
    .await
}

/// Records an edit: the plan becomes outdated, and an approval is withdrawn. If the approved issue was to go out at
/// once, it waits until an operator sends it again. Returns `false` if the issue is past planning.
pub async fn set_edited(tx: &mut Tx, id: IssueId) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE issues SET version = version + 1, planned_at = NULL, reminded_at = CASE \
         WHEN approved_at IS NULL THEN reminded_at END, by_hand = by_hand OR (at_once AND approved_at IS NOT NULL), \
         at_once = at_once AND approved_at IS NULL, approved_at = NULL, approved_revision = NULL WHERE id = $1 \
         AND status = 'planned'",
        id
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Approves the plan, as the operator saw it in `revision`. Returns `false` if the issue is past planning, has no
/// plan, or is approved already.
pub async fn set_approved(
    tx: &mut Tx,
    id: IssueId,
    revision: Option<&Revision>,
    now: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE issues SET approved_at = $2, approved_revision = $3, version = version + 1, \
         waits_for = NULL WHERE id = $1 AND status = 'planned' AND approved_at IS NULL \
         AND planned_at IS NOT NULL",
        id,
        DbTime(now),
        revision
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}
