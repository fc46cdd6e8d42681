//! Table `issue_edits`, and what operators wrote on an issue itself: kept apart from its plan, which is made anew.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as},
    },
    domain::{
        ids::{ArticleId, IssueId},
        issue::selection::Wish,
    },
};
use jiff::Timestamp;

/// What an operator wants of a story in one issue.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct StoryEdit {
    pub article_id: ArticleId,
    /// `pin` or `drop`.
    pub wish: Option<Wish>,
    /// Its place, from 1.
    pub place: Option<i64>,
    /// Its headline in this issue.
    pub title: Option<String>,
    /// Its summary in this issue; empty: none.
    pub dek: Option<String>,
}

/// The edits of an issue.
pub async fn edits(tx: &mut Tx, id: IssueId) -> Result<Vec<StoryEdit>, DbError> {
    query_as!(
        tx,
        "SELECT article_id, wish, place, title, dek FROM issue_edits WHERE issue_id = $1 ORDER BY article_id \
         LIMIT 1000",
        id
    )
    .fetch_all()
    .await
}

/// Keeps the wish for a story; `None` takes it back.
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

/// Keeps a story's place. Whoever had it keeps it, too: they stand in the order of their numbers.
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

/// Keeps a story's headline or summary for this issue; what is `None` stays as it is.
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

/// Takes back all that was edited about a story.
pub async fn undo(tx: &mut Tx, id: IssueId, article: ArticleId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM issue_edits WHERE issue_id = $1 AND article_id = $2", id, article).execute().await
}

/// An operator's own words for an issue: each `Some` is written, an empty text takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueWords {
    /// The subject line.
    pub subject: Option<String>,
    /// What inboxes show after it.
    pub preheader: Option<String>,
    /// What stands above the stories, in Markdown.
    pub note: Option<String>,
}

/// Keeps an operator's words.
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

/// Notes that an issue was edited: its plan, or one that is being made of it, counts no longer, and an approval is withdrawn.
/// `false`: it is past planning, and nothing of it can be edited.
pub async fn set_edited(tx: &mut Tx, id: IssueId) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE issues SET revision = revision + 1, planned_at = NULL, reminded_at = CASE \
         WHEN approved_at IS NULL THEN reminded_at END, approved_at = NULL WHERE id = $1 \
         AND status = 'planned'",
        id
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Keeps an operator's approval of the plan there is. `false`: it is past planning, has no plan, or was approved before.
pub async fn set_approved(tx: &mut Tx, id: IssueId, now: Timestamp) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE issues SET approved_at = $2, revision = revision + 1, waits_for = NULL WHERE id = $1 \
         AND status = 'planned' AND approved_at IS NULL AND planned_at IS NOT NULL",
        id,
        DbTime(now)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}
