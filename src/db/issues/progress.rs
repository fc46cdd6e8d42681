//! How an issue on its way fares: its readers, its score, its history.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as},
    },
    domain::{delivery::breaker::Score, ids::IssueId, issue::status::IssueStatus},
};
use jiff::Timestamp;

/// Something that happened to an issue.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct IssueEvent {
    /// What it became.
    pub status: IssueStatus,
    pub reason: Option<String>,
    pub occurred_at: DbTime,
}

/// An issue's history, oldest first. Bounded.
pub async fn history(tx: &mut Tx, id: IssueId) -> Result<Vec<IssueEvent>, DbError> {
    query_as!(
        tx,
        "SELECT status, reason, occurred_at FROM issue_events WHERE issue_id = $1 ORDER BY id LIMIT 1000",
        id
    )
    .fetch_all()
    .await
}

/// Adds answers to an issue's score and returns it.
pub async fn add_answers(
    tx: &mut Tx,
    id: IssueId,
    answered: i64,
    refused: i64,
) -> Result<Option<Score>, DbError> {
    let row: Option<(i64, i64, i64)> = query_as!(
        tx,
        "UPDATE issues SET answered = answered + $2, refused = refused + $3 WHERE id = $1 \
         RETURNING recipients, answered, refused",
        id,
        answered,
        refused
    )
    .fetch_optional()
    .await?;
    Ok(row.map(|(recipients, answered, refused)| Score { recipients, answered, refused }))
}

/// An issue's score, and how many of its deliveries are in workers' hands.
pub async fn score(tx: &mut Tx, id: IssueId) -> Result<(Score, i64), DbError> {
    let (recipients, answered, refused, in_hand): (i64, i64, i64, i64) = query_as!(
        tx,
        "SELECT recipients, answered, refused, (SELECT count(*) FROM deliveries WHERE issue_id = $1 \
         AND status IN ('claimed', 'sending')) FROM issues WHERE id = $1",
        id
    )
    .fetch_one()
    .await?;
    Ok((Score { recipients, answered, refused }, in_hand))
}

/// Holds an issue's row until the end of the transaction: who counts and then takes must not do so beside others. SQLite has
/// one writer at a time anyway.
pub async fn lock(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    if tx.is_only_writer() {
        return Ok(());
    }
    query!(tx, "SELECT 1 FROM issues WHERE id = $1 {postgres FOR NO KEY UPDATE}", id).execute().await
}

/// Notes that an operator has looked at an issue and lets it go on: its score begins anew, and what waited is not late.
pub async fn set_resumed(tx: &mut Tx, id: IssueId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET answered = 0, refused = 0, resumed_at = $2 WHERE id = $1", id, DbTime(now))
        .execute()
        .await
}
