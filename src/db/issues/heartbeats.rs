//! Columns `heartbeat_…` of `issues`: calls of the operator's heartbeat URL that are due.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_scalar},
    },
    domain::ids::IssueId,
};
use jiff::{SignedDuration, Timestamp};

/// Most calls for one issue.
pub const MAX_TRIES: i64 = 10;
/// Pause between two calls for one issue. Longer than a call may take.
const PAUSE: SignedDuration = SignedDuration::from_mins(2);

/// Makes the call for an issue due.
pub async fn set_due(tx: &mut Tx, id: IssueId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET heartbeat_after = $2, heartbeat_tries = 0 WHERE id = $1", id, DbTime(now))
        .execute()
        .await
}

/// Returns the issues whose call is due, and makes the next one due after a pause. The last one is never repeated.
pub async fn wake_due(tx: &mut Tx, now: Timestamp) -> Result<Vec<IssueId>, DbError> {
    query_scalar!(
        tx,
        "UPDATE issues SET heartbeat_tries = heartbeat_tries + 1, heartbeat_after = $2 \
         WHERE heartbeat_after IS NOT NULL AND heartbeat_after <= $1 AND heartbeat_tries < $3 RETURNING id",
        DbTime(now),
        DbTime(now + PAUSE),
        MAX_TRIES
    )
    .fetch_all()
    .await
}

/// Returns how often the URL was called for an issue. `None` if no call is due any more.
pub async fn tries(tx: &mut Tx, id: IssueId) -> Result<Option<i64>, DbError> {
    query_scalar!(tx, "SELECT heartbeat_tries FROM issues WHERE id = $1 AND heartbeat_after IS NOT NULL", id)
        .fetch_optional()
        .await
}

/// Records that a call has succeeded.
pub async fn set_called(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET heartbeat_after = NULL WHERE id = $1", id).execute().await
}
