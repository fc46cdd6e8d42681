//! The issues that have work to do, and when their jobs were last queued.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        ids::IssueId,
        issue::{revision::Revision, schedule::Due, status::IssueStatus},
    },
};
use jiff::{SignedDuration, Timestamp};

/// Returns when the next planned issue after `now` is due.
pub async fn next_planned_due(tx: &mut Tx, now: Timestamp) -> Result<Option<Timestamp>, DbError> {
    let due: Option<DbTime> = query_scalar!(
        tx,
        "SELECT min(due_at) FROM issues WHERE status = 'planned' AND due_at > $1",
        DbTime(now)
    )
    .fetch_one()
    .await?;
    Ok(due.map(Timestamp::from))
}

/// Returns the issues that are being sent.
pub async fn sending(tx: &mut Tx) -> Result<Vec<IssueId>, DbError> {
    query_scalar!(tx, "SELECT id FROM issues WHERE status = 'sending' ORDER BY due_at").fetch_all().await
}

/// Marks issues as woken that have work to do and were not woken since `woken_before`, or since they became
/// due. Returns them with what decides about their work, the earliest due first.
pub async fn wake_due(
    tx: &mut Tx,
    now: Timestamp,
    woken_before: Timestamp,
) -> Result<Vec<(IssueId, IssueStatus, Due)>, DbError> {
    let rows: Vec<(IssueId, IssueStatus, DbTime, DbTime)> = query_as!(
        tx,
        "UPDATE issues SET woken_at = $1 WHERE (status IN ('planned', 'frozen', 'sending') \
         OR (status = 'cancelled' AND woken_at IS NOT NULL) \
         OR (status IN ('paused', 'held') AND fanned_out_to IS NOT NULL)) \
         AND (due_at <= $1 OR status IN ('frozen', 'paused', 'held') \
         OR (status = 'planned' AND planned_at IS NULL)) AND (woken_at IS NULL OR woken_at < $2 \
         OR (status = 'planned' AND due_at <= $1 AND woken_at < due_at)) \
         RETURNING id, status, due_at, COALESCE(last_due_at, due_at)",
        DbTime(now),
        DbTime(woken_before)
    )
    .fetch_all()
    .await?;
    let mut due: Vec<_> = rows
        .into_iter()
        .map(|(id, status, first, last)| (id, status, Due { first: first.0, last: last.0 }))
        .collect();
    due.sort_by_key(|(_, _, due)| due.first);
    Ok(due)
}

/// Lets the scheduler wake every open issue.
pub async fn reset_woken(tx: &mut Tx) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET woken_at = NULL WHERE status NOT IN ('sent', 'skipped', 'cancelled')")
        .execute()
        .await
}

/// Records that an issue has no work left, so the scheduler never wakes it again.
pub async fn set_at_rest(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET woken_at = NULL WHERE id = $1", id).execute().await
}

/// Records that an issue's work is under way, so the scheduler leaves it alone for a while.
pub async fn set_woken(tx: &mut Tx, id: IssueId, at: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET woken_at = $2 WHERE id = $1", id, DbTime(at)).execute().await
}

/// How often an issue is planned again when new articles arrive.
#[derive(Debug, Clone, Copy)]
pub struct PlanAgain {
    /// The shortest time between two plans.
    pub near: SignedDuration,
    /// The shortest time between two plans until this long before the issue is due.
    pub far: (SignedDuration, SignedDuration),
}

/// Returns a few planned issues whose plan is older than the newest article, and old enough to be made again.
/// Approved issues are left out.
pub async fn outdated(tx: &mut Tx, again: PlanAgain, now: Timestamp) -> Result<Vec<IssueId>, DbError> {
    query_scalar!(
        tx,
        "SELECT i.id FROM issues i WHERE i.status = 'planned' AND i.approved_at IS NULL AND i.planned_at < \
         CASE WHEN i.due_at > $3 THEN $2 ELSE $1 END AND EXISTS (SELECT 1 FROM articles a \
         WHERE a.first_seen_at > i.planned_at) ORDER BY i.due_at LIMIT 20",
        DbTime(now - again.near),
        DbTime(now - again.far.0),
        DbTime(now + again.far.1)
    )
    .fetch_all()
    .await
}

/// Saves the decision that an issue needs: `approval`, `stories` or none.
pub async fn set_waits_for(tx: &mut Tx, id: IssueId, what: Option<&str>) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET waits_for = $2 WHERE id = $1", id, what).execute().await
}

/// Records the revision of an issue that waits for an operator. If operators were told of another one at
/// `told_before` or earlier, they will be told again.
pub async fn set_told_revision(
    tx: &mut Tx,
    id: IssueId,
    revision: &Revision,
    told_before: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET reminded_at = CASE WHEN told_revision = $2 THEN reminded_at END, \
         told_revision = $2 WHERE id = $1 AND (told_revision IS NULL OR reminded_at IS NULL OR reminded_at <= $3)",
        id,
        revision,
        DbTime(told_before)
    )
    .execute()
    .await
}

/// Returns planned issues that wait for an operator and about which operators were not told yet, or not since
/// they are due within `remind_before`. Each comes with what it waits for.
pub async fn unapproved(
    tx: &mut Tx,
    now: Timestamp,
    remind_before: SignedDuration,
) -> Result<Vec<(IssueId, String)>, DbError> {
    let rows: Vec<(IssueId, String, DbTime, Option<DbTime>)> = query_as!(
        tx,
        "SELECT id, waits_for, due_at, reminded_at FROM issues WHERE status = 'planned' \
         AND waits_for IS NOT NULL AND (reminded_at IS NULL OR due_at <= $1) ORDER BY due_at LIMIT 100",
        DbTime(now + remind_before)
    )
    .fetch_all()
    .await?;
    let is_time =
        |due: &DbTime, reminded: &Option<DbTime>| reminded.is_none_or(|at| at.0 < due.0 - remind_before);
    let due = rows.into_iter().filter(|(_, _, due, reminded)| is_time(due, reminded));
    Ok(due.map(|(id, what, ..)| (id, what)).collect())
}

/// Records that operators are told about an issue that waits for them. Returns `false` if another process has
/// recorded it since `before`.
pub async fn set_reminded(
    tx: &mut Tx,
    id: IssueId,
    before: Option<DbTime>,
    now: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE issues SET reminded_at = $2 WHERE id = $1 AND (reminded_at = $3 OR (reminded_at IS NULL \
         AND $3 IS NULL))",
        id,
        DbTime(now),
        before
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}
