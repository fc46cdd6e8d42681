//! Table `operator_views`: the revision of an issue that each operator looked at last.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as},
    },
    domain::{
        ids::{NewsletterId, OperatorId},
        issue::revision::Revision,
    },
};
use jiff::{Timestamp, civil::Date};

/// The last look at an issue.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ViewRecord {
    pub revision: Revision,
    pub seen_at: DbTime,
}

/// Returns an operator's last look at an issue.
pub async fn get(
    tx: &mut Tx,
    operator: OperatorId,
    newsletter: NewsletterId,
    date: Date,
) -> Result<Option<ViewRecord>, DbError> {
    query_as!(
        tx,
        "SELECT revision, seen_at FROM operator_views WHERE operator_id = $1 AND newsletter_id = $2 \
         AND issue_date = $3",
        operator,
        newsletter,
        DbDate(date)
    )
    .fetch_optional()
    .await
}

/// Records a look at an issue.
pub async fn set(
    tx: &mut Tx,
    operator: OperatorId,
    newsletter: NewsletterId,
    date: Date,
    revision: &Revision,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO operator_views (operator_id, newsletter_id, issue_date, revision, seen_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (operator_id, newsletter_id, issue_date) \
         DO UPDATE SET revision = excluded.revision, seen_at = excluded.seen_at",
        operator,
        newsletter,
        DbDate(date),
        revision,
        DbTime(now)
    )
    .execute()
    .await
}
