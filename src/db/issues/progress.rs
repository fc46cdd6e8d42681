//! The history of an issue, and its score for the breaker.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{delivery::breaker::Score, ids::IssueId, issue::status::IssueStatus},
};
use jiff::Timestamp;

/// A change of an issue's status.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct IssueEvent {
    /// The new status.
    pub status: IssueStatus,
    pub reason: Option<String>,
    pub occurred_at: DbTime,
}

/// Returns an issue's history, oldest first, at most 1,000 events.
pub async fn history(tx: &mut Tx, id: IssueId) -> Result<Vec<IssueEvent>, DbError> {
    query_as!(
        tx,
        "SELECT status, reason, occurred_at FROM issue_events WHERE issue_id = $1 ORDER BY id LIMIT 1000",
        id
    )
    .fetch_all()
    .await
}

/// Answers that relays gave to copies of an issue.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answers {
    /// Those that the breaker judges by.
    pub answered: i64,
    /// The permanent refusals among these.
    pub refused: i64,
    /// Copies that are sent.
    pub sent: i64,
}

/// Adds answers to an issue's score and returns the score. Negative numbers take answers back, which may be gone
/// already if the issue was resumed.
pub async fn add_answers(tx: &mut Tx, id: IssueId, more: Answers) -> Result<Option<Score>, DbError> {
    let row: Option<(i64, i64, i64)> = query_as!(
        tx,
        "UPDATE issues SET answered = CASE WHEN answered + $2 < 0 THEN 0 ELSE answered + $2 END, \
         refused = CASE WHEN refused + $3 < 0 THEN 0 ELSE refused + $3 END, sent = sent + $4 WHERE id = $1 \
         RETURNING recipients, answered, refused",
        id,
        more.answered,
        more.refused,
        more.sent
    )
    .fetch_optional()
    .await?;
    Ok(row.map(|(recipients, answered, refused)| Score { recipients, answered, refused }))
}

/// Returns an issue's score.
pub async fn score(tx: &mut Tx, id: IssueId) -> Result<Score, DbError> {
    let (recipients, answered, refused): (i64, i64, i64) =
        query_as!(tx, "SELECT recipients, answered, refused FROM issues WHERE id = $1", id)
            .fetch_one()
            .await?;
    Ok(Score { recipients, answered, refused })
}

/// Locks an issue's row, so that only one transaction at a time counts its deliveries and then claims some.
/// SQLite has one writer, so no row locks are needed.
pub async fn lock(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    if tx.is_only_writer() {
        return Ok(());
    }
    query!(tx, "SELECT 1 FROM issues WHERE id = $1 {postgres FOR NO KEY UPDATE}", id).execute().await
}

/// Records that an operator resumed an issue. Its score begins anew, and deliveries that waited meanwhile
/// don't count as late.
pub async fn set_resumed(tx: &mut Tx, id: IssueId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET answered = 0, refused = 0, resumed_at = $2 WHERE id = $1", id, DbTime(now))
        .execute()
        .await
}

/// Returns the issues that were frozen since a time.
pub async fn frozen_since(tx: &mut Tx, since: Timestamp) -> Result<Vec<IssueId>, DbError> {
    query_scalar!(tx, "SELECT id FROM issues WHERE frozen_at >= $1 ORDER BY id", DbTime(since))
        .fetch_all()
        .await
}

/// Returns whether an issue was sent once, whatever it is now.
pub async fn was_sent(tx: &mut Tx, id: IssueId) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM issue_events WHERE issue_id = $1 AND status = 'sent')",
        id
    )
    .fetch_one()
    .await
}
