//! Reminders for readers who have not confirmed: one per reader, with one link for everything requested.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
        subscribers::pending::{Theirs, lock_skip_locked},
    },
    domain::ids::{ConfirmationId, SubscriberId, SubscriptionId},
};
use jiff::Timestamp;

/// Returns readers to remind, whose requests fall into these spans (exclusive, inclusive), in the order of
/// the requests. At most `limit` requests are read, by the index. The spans leave out the time of attacks.
pub async fn readers_to_remind(
    tx: &mut Tx,
    spans: &[(Timestamp, Timestamp)],
    limit: i64,
) -> Result<Vec<SubscriberId>, DbError> {
    let mut readers = Vec::new();
    let mut left = limit;
    for (after, until) in spans {
        let ids: Vec<SubscriberId> = query_scalar!(
            tx,
            "SELECT subscriber_id FROM subscriptions WHERE status = 'pending' AND confirmed_at IS NULL \
             AND reminded_at IS NULL AND signup_mailed_at IS NOT NULL AND requested_at > $1 \
             AND requested_at <= $2 ORDER BY requested_at, id LIMIT $3",
            DbTime(*after),
            DbTime(*until),
            left
        )
        .fetch_all()
        .await?;
        for id in ids {
            left -= 1;
            if !readers.contains(&id) {
                readers.push(id);
            }
        }
        if left <= 0 {
            break;
        }
    }
    Ok(readers)
}

/// Marks the unconfirmed requests of these readers since a time as reminded and returns them, oldest first.
/// Leaves out requests from the time of attacks, and rows that another process has marked or locked.
pub async fn claim_reminders(
    tx: &mut Tx,
    readers: &[SubscriberId],
    after: Timestamp,
    now: Timestamp,
) -> Result<Vec<(SubscriptionId, SubscriberId)>, DbError> {
    // `is_due` is a column, because as a condition it would make SQLite use the index of all requests instead
    // of the one by reader.
    let found: Vec<(SubscriptionId, SubscriberId, bool)> = query_as!(
        tx,
        "SELECT s.id, s.subscriber_id, (s.reminded_at IS NULL AND s.requested_at > $2 AND NOT EXISTS (\
         SELECT 1 FROM signup_alarms a WHERE a.reaches_to <= s.requested_at AND (a.ended_at IS NULL \
         OR a.ended_at >= s.requested_at))) AS is_due FROM subscriptions s WHERE s.status = 'pending' \
         AND s.confirmed_at IS NULL AND s.signup_mailed_at IS NOT NULL AND s.subscriber_id {in $1} \
         ORDER BY s.requested_at, s.id",
        DbList(readers),
        DbTime(after)
    )
    .fetch_all()
    .await?;
    let due: Vec<Theirs> =
        found.into_iter().filter(|(_, _, is_due)| *is_due).map(|(id, reader, _)| (id, reader)).collect();
    let mut taken = lock_skip_locked(tx, &due).await?;
    let ids: Vec<SubscriptionId> = taken.iter().map(|(id, _)| *id).collect();
    let marked: Vec<SubscriptionId> = query_scalar!(
        tx,
        "UPDATE subscriptions SET reminded_at = $2 WHERE status = 'pending' AND reminded_at IS NULL \
         AND id {in $1} RETURNING id",
        DbList(&ids),
        DbTime(now)
    )
    .fetch_all()
    .await?;
    taken.retain(|(id, _)| marked.contains(id));
    Ok(taken)
}

/// Marks a confirmation, and those that its link also confirms, as reminders, which don't count as signups.
pub async fn set_reminder(tx: &mut Tx, lead: ConfirmationId) -> Result<(), DbError> {
    query!(tx, "UPDATE confirmations SET is_reminder = TRUE WHERE id = $1 OR with_id = $1", lead)
        .execute()
        .await
}
