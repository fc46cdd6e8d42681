//! Issues that may have gone out after a backup from which the database was restored.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_scalar},
    },
    domain::ids::{IssueId, NewsletterId},
};
use jiff::Timestamp;

/// Records that a skipped issue may have gone out.
pub async fn set_lost(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET lost = $2 WHERE id = $1", id, true).execute().await
}

/// Makes a planned issue wait at its time until an operator sends it, because it may have gone out ahead of it.
pub async fn wait_for_send(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET by_hand = $2, planned_at = NULL, approved_at = NULL, approved_revision = NULL, \
         version = version + 1 WHERE id = $1 AND status = 'planned'",
        id,
        true
    )
    .execute()
    .await
}

/// Returns when the newsletter's last issue that may have gone out was due: its readers may have had every article
/// until then.
pub async fn lost_until(tx: &mut Tx, newsletter: NewsletterId) -> Result<Option<Timestamp>, DbError> {
    let until: Option<DbTime> = query_scalar!(
        tx,
        "SELECT max(COALESCE(last_due_at, due_at)) FROM issues WHERE newsletter_id = $1 AND lost",
        newsletter
    )
    .fetch_one()
    .await?;
    Ok(until.map(Timestamp::from))
}
