//! Table `claims`: workers' leases on deliveries of an issue.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_scalar},
    },
    domain::ids::{ClaimId, IssueId},
};
use jiff::Timestamp;

/// Opens a claim for a process. Ids are never reused, so a late answer can't be mistaken for another claim's.
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

/// Renews the lease. Returns `false` if it has expired, and other workers may have the deliveries.
pub async fn renew(tx: &mut Tx, claim: ClaimId, until: Timestamp) -> Result<bool, DbError> {
    query!(tx, "UPDATE claims SET until = $2 WHERE id = $1", claim, DbTime(until))
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Closes a claim after its deliveries were released.
pub async fn close(tx: &mut Tx, claim: ClaimId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM claims WHERE id = $1", claim).execute().await
}

/// Removes an issue's expired claims, so that other workers can take their deliveries.
pub async fn expire(tx: &mut Tx, issue: IssueId, now: Timestamp) -> Result<u64, DbError> {
    query!(tx, "DELETE FROM claims WHERE issue_id = $1 AND until < $2", issue, DbTime(now))
        .rows_affected()
        .await
}

/// Removes all claims of all issues. Returns their number.
pub async fn expire_all(tx: &mut Tx) -> Result<u64, DbError> {
    query!(tx, "DELETE FROM claims").rows_affected().await
}

/// Counts the processes that work on an issue.
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
