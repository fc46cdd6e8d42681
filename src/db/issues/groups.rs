//! Tables `issue_groups` and `issue_waves`: which readers of an issue get which variant, and when.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        ids::{IssueId, NewsletterId, SubscriptionId, VariantId},
        issue::plan::Group,
        subscriber::cadence::Cadence,
    },
};
use jiff::Timestamp;

/// Saves the variant that a group of readers gets. `None`: no story is left for them.
pub async fn insert_group(
    tx: &mut Tx,
    id: IssueId,
    group: &Group,
    cadence: Cadence,
    variant: Option<VariantId>,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO issue_groups (issue_id, key, cadence, readers, variant_id) VALUES ($1, $2, $3, $4, $5)",
        id,
        &group.key,
        cadence,
        group.readers,
        variant
    )
    .execute()
    .await
}

/// A wave of a frozen issue.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct WaveRecord {
    pub due_at: DbTime,
    /// The number of readers when the issue was frozen.
    pub readers: i64,
}

/// Saves when the readers on a clock are due.
pub async fn insert_wave(
    tx: &mut Tx,
    id: IssueId,
    clock: &str,
    due_at: Timestamp,
    readers: i64,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO issue_waves (issue_id, clock, due_at, readers) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (issue_id, clock) DO NOTHING",
        id,
        clock,
        DbTime(due_at),
        readers
    )
    .execute()
    .await
}

/// Returns the waves of a frozen issue, in order.
pub async fn waves(tx: &mut Tx, id: IssueId) -> Result<Vec<WaveRecord>, DbError> {
    query_as!(
        tx,
        "SELECT due_at, CAST(sum(readers) AS BIGINT) AS readers FROM issue_waves \
         WHERE issue_id = $1 GROUP BY due_at ORDER BY due_at",
        id
    )
    .fetch_all()
    .await
}

/// Counts the readers of a frozen issue who get nothing, because they have had all its stories.
pub async fn unserved(tx: &mut Tx, id: IssueId) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT CAST(COALESCE(sum(readers), 0) AS BIGINT) FROM issue_groups WHERE issue_id = $1 \
         AND variant_id IS NULL",
        id
    )
    .fetch_one()
    .await
}

/// Saves how far the fan-out is: `up_to` is the last subscription with a delivery, `None` means that all have
/// one.
pub async fn set_fanned_out(tx: &mut Tx, id: IssueId, up_to: Option<i64>, more: u64) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET fanned_out_to = $2, recipients = recipients + $3 WHERE id = $1",
        id,
        up_to,
        i64::try_from(more).unwrap_or(i64::MAX)
    )
    .execute()
    .await
}

/// Moves a running fan-out of this newsletter back to `own`, if it has passed `own` but not yet `other`,
/// whose place `own` takes. Otherwise the reader would get no delivery. A reader who has a delivery gets no
/// second one. Waits while another transaction makes a portion.
pub async fn fan_out_again(
    tx: &mut Tx,
    newsletter: NewsletterId,
    own: SubscriptionId,
    other: SubscriptionId,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET fanned_out_to = CASE WHEN fanned_out_to >= $2 \
         AND fanned_out_to < $3 THEN $2 - 1 ELSE fanned_out_to END WHERE newsletter_id = $1 \
         AND status IN ('frozen', 'sending', 'paused', 'held') AND fanned_out_to IS NOT NULL",
        newsletter,
        own,
        other
    )
    .execute()
    .await
}
