//! How an issue on its way fares: its readers, its score, its history.

use crate::{
    db::{DbError, EngineTx, Stamp, Tx, on},
    domain::{delivery::breaker::Score, ids::IssueId, issue::status::IssueStatus},
};
use jiff::Timestamp;

/// Something that happened to an issue.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct IssueEvent {
    /// What it became.
    #[sqlx(try_from = "String")]
    pub status: IssueStatus,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub occurred_at: Stamp,
}

/// An issue's history, oldest first. Bounded.
pub async fn history(tx: &mut Tx, id: IssueId) -> Result<Vec<IssueEvent>, DbError> {
    on!(tx, |conn| sqlx::query_as(
        "SELECT status, reason, occurred_at FROM issue_events WHERE issue_id = $1 ORDER BY id LIMIT 1000"
    )
    .bind(id.0)
    .fetch_all(conn)
    .await)
}

/// Adds answers to an issue's score and returns it.
pub async fn add_answers(
    tx: &mut Tx,
    id: IssueId,
    answered: i64,
    refused: i64,
) -> Result<Option<Score>, DbError> {
    let row: Option<(i64, i64, i64)> = on!(tx, |conn| sqlx::query_as(
        "UPDATE issues SET answered = answered + $2, refused = refused + $3 WHERE id = $1 \
         RETURNING recipients, answered, refused"
    )
    .bind(id.0)
    .bind(answered)
    .bind(refused)
    .fetch_optional(conn)
    .await?);
    Ok(row.map(|(recipients, answered, refused)| Score { recipients, answered, refused }))
}

/// An issue's score, and how many of its deliveries are in workers' hands.
pub async fn score(tx: &mut Tx, id: IssueId) -> Result<(Score, i64), DbError> {
    let (recipients, answered, refused, in_hand): (i64, i64, i64, i64) = on!(tx, |conn| sqlx::query_as(
        "SELECT recipients, answered, refused, (SELECT count(*) FROM deliveries WHERE issue_id = $1 \
             AND status IN ('claimed', 'sending')) FROM issues WHERE id = $1"
    )
    .bind(id.0)
    .fetch_one(conn)
    .await?);
    Ok((Score { recipients, answered, refused }, in_hand))
}

/// Holds an issue's row until the end of the transaction: who counts and then takes must not do so beside others. SQLite has
/// one writer at a time anyway.
pub async fn hold(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    match tx.by_engine() {
        EngineTx::Sqlite(_) => Ok(()),
        EngineTx::Postgres(conn) => sqlx::query("SELECT 1 FROM issues WHERE id = $1 FOR NO KEY UPDATE")
            .bind(id.0)
            .execute(conn)
            .await
            .map(drop),
    }
}

/// Notes that an operator has looked at an issue and lets it go on: its score begins anew, and what waited is not late.
pub async fn set_resumed(tx: &mut Tx, id: IssueId, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE issues SET answered = 0, refused = 0, resumed_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(drop))
}
