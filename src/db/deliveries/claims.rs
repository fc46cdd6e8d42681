//! Table `claims`: who works on deliveries of an issue, and until when nobody else may take them over.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_scalar},
    },
    domain::ids::{ClaimId, IssueId},
};
use jiff::Timestamp;

/// Opens a claim for a process. Its number is never used again, so that whoever held an earlier one is told apart.
pub async fn open(tx: &mut Tx, issue: IssueId, process: &str, until: Timestamp) -> Result<ClaimId, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO claims (issue_id, process, until) VALUES ($1, $2, $3) RETURNING id",
        issue,
        process,
        DbTime(until)
    )
    .fetch_one()
    .await
}

/// Extends the lease. `false`: it has run out, and what it held may be others' by now.
pub async fn renew(tx: &mut Tx, claim: ClaimId, until: Timestamp) -> Result<bool, DbError> {
    query!(tx, "UPDATE claims SET until = $2 WHERE id = $1", claim, DbTime(until))
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Gives a claim up, after its rows were released.
pub async fn close(tx: &mut Tx, claim: ClaimId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM claims WHERE id = $1", claim).execute().await
}

/// Removes the claims on an issue whose lease has run out: their rows are anybody's.
pub async fn expire(tx: &mut Tx, issue: IssueId, now: Timestamp) -> Result<u64, DbError> {
    query!(tx, "DELETE FROM claims WHERE issue_id = $1 AND until < $2", issue, DbTime(now))
        .rows_affected()
        .await
}

/// Removes every claim, of all issues. Returns how many there were.
pub async fn expire_all(tx: &mut Tx) -> Result<u64, DbError> {
    query!(tx, "DELETE FROM claims").rows_affected().await
}

/// How many processes work on an issue.
pub async fn processes(tx: &mut Tx, issue: IssueId, now: Timestamp) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT count(DISTINCT process) FROM claims WHERE issue_id = $1 AND until >= $2",
        issue,
        DbTime(now)
    )
    .fetch_one()
    .await
}
