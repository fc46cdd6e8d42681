//! Unconfirmed subscriptions, and their erasure.

use crate::{
    db::{
        DbError, DbTime, Tx,
        consent::chain::erase_requests,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
        subscribers::{erase_evidence, erasure},
    },
    domain::ids::{SubscriberId, SubscriptionId},
};
use jiff::Timestamp;
use std::collections::HashSet;

/// A subscription and its reader.
pub(super) type Theirs = (SubscriptionId, SubscriberId);

/// Returns pending subscriptions requested by a time, oldest first.
pub async fn overdue(
    tx: &mut Tx,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<(SubscriptionId, SubscriberId)>, DbError> {
    query_as!(
        tx,
        "SELECT id, subscriber_id FROM subscriptions WHERE status = 'pending' \
         AND requested_at <= $1 ORDER BY requested_at, id LIMIT $2",
        DbTime(until),
        limit
    )
    .fetch_all()
    .await
}

/// Ends those of these subscriptions that are pending and were requested by a time, and erases what came with
/// the requests. Returns their number.
///
/// For a reader who never confirmed, that is their confirmations, their emails, the personal data in the
/// ledger, and the address unless it has another subscription. The ledger keeps the fact of the request. A
/// subscription that was confirmed before returns to its earlier status: anybody can enter an address in the
/// form, and that must not change how long the reader's data is kept.
pub async fn erase_pending(
    tx: &mut Tx,
    of: &[(SubscriptionId, SubscriberId)],
    until: Timestamp,
    now: Timestamp,
) -> Result<usize, DbError> {
    let mut erased = 0;
    for (subscription, reader) in lock_skip_locked(tx, of).await? {
        if end_unconfirmed(tx, subscription, until, now).await? {
            erase_evidence(tx, subscription).await?;
        } else if put_back(tx, subscription, until).await? {
            erase_requests(tx, subscription).await?;
        } else {
            continue;
        }
        erase_open_confirmations(tx, subscription).await?;
        if is_nobodys(tx, reader).await? {
            erasure::erase_reader(tx, reader, now).await?;
        }
        erased += 1;
    }
    Ok(erased)
}

/// Locks readers, their confirmations and all of their subscriptions. Returns the subscriptions whose readers
/// no other transaction had locked: signups, confirmations and unsubscribes go first, and the next run tries
/// again. All of a reader's subscriptions are locked, because ending the last one erases the reader, and that
/// must not wait for another transaction.
pub(super) async fn lock_skip_locked(tx: &mut Tx, of: &[Theirs]) -> Result<Vec<Theirs>, DbError> {
    // SQLite has one writer, so no row locks are needed.
    if tx.is_only_writer() {
        return Ok(of.to_vec());
    }
    // Readers are locked first, as signups do.
    let readers: Vec<SubscriberId> = of.iter().map(|(_, reader)| *reader).collect();
    let held: Vec<SubscriberId> = query_scalar!(
        tx,
        "SELECT id FROM subscribers WHERE id {in $1} ORDER BY id {skip_locked}",
        DbList(&readers)
    )
    .fetch_all()
    .await?;
    let mut free: HashSet<SubscriberId> = held.iter().copied().collect();
    let ids: Vec<SubscriptionId> =
        of.iter().filter(|(_, reader)| free.contains(reader)).map(|(id, _)| *id).collect();
    // Confirming locks the confirmation before the subscription.
    query!(
        tx,
        "SELECT id FROM confirmations WHERE subscription_id {in $1} ORDER BY id {postgres FOR UPDATE}",
        DbList(&ids)
    )
    .execute()
    .await?;
    // While a reader's row is locked, no subscription is added.
    let all: Vec<Theirs> = query_as!(
        tx,
        "SELECT id, subscriber_id FROM subscriptions WHERE subscriber_id {in $1}",
        DbList(&held)
    )
    .fetch_all()
    .await?;
    let ids: Vec<SubscriptionId> = all.iter().map(|(id, _)| *id).collect();
    let taken: Vec<SubscriptionId> = query_scalar!(
        tx,
        "SELECT id FROM subscriptions WHERE id {in $1} ORDER BY id {postgres FOR NO KEY UPDATE SKIP LOCKED}",
        DbList(&ids)
    )
    .fetch_all()
    .await?;
    let taken: HashSet<SubscriptionId> = taken.into_iter().collect();
    for (id, reader) in all {
        if !taken.contains(&id) {
            free.remove(&reader);
        }
    }
    Ok(of.iter().copied().filter(|(_, reader)| free.contains(reader)).collect())
}

/// Ends a pending subscription that was never confirmed, and leaves no personal data in its row. Returns
/// `false` if it is not such a subscription.
async fn end_unconfirmed(
    tx: &mut Tx,
    id: SubscriptionId,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = 'unsubscribed', ended_at = $2, erased_at = $2, signup_mailed_at = \
         NULL, time_zone = NULL, language = NULL WHERE id = $1 AND status = 'pending' \
         AND confirmed_at IS NULL AND requested_at <= $3",
        id,
        DbTime(now),
        DbTime(until)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Returns a pending subscription to its status before the request. That is unsubscribed if the ledger says
/// so. If the reader's last entry is a confirmation, only an undeliverable address can have ended the
/// subscription. (Subscriptions ended by a complaint never become pending.) Returns `false` if it was never
/// confirmed.
async fn put_back(tx: &mut Tx, id: SubscriptionId, until: Timestamp) -> Result<bool, DbError> {
    macro_rules! last_word {
        ($of:literal) => {
            concat!(
                "(SELECT ",
                $of,
                " FROM consent_events e WHERE e.subscription_id = subscriptions.id \
                 AND e.kind IN ('confirmed', 'unsubscribed') ORDER BY e.id DESC LIMIT 1)"
            )
        };
    }
    query!(
        tx,
        concat!(
            "UPDATE subscriptions SET status = CASE ",
            last_word!("e.kind"),
            " WHEN 'confirmed' THEN 'undeliverable' ELSE 'unsubscribed' END, ended_at = COALESCE(",
            last_word!("CASE e.kind WHEN 'unsubscribed' THEN e.occurred_at END"),
            ", requested_at), signup_mailed_at = NULL WHERE id = $1 AND status = 'pending' \
             AND confirmed_at IS NOT NULL AND requested_at <= $2"
        ),
        id,
        DbTime(until)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Removes unused confirmations and the emails with their links.
async fn erase_open_confirmations(tx: &mut Tx, id: SubscriptionId) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM emails WHERE confirmation_id IN (SELECT id FROM confirmations WHERE subscription_id = \
         $1 AND used_at IS NULL)",
        "DELETE FROM confirmations WHERE subscription_id = $1 AND used_at IS NULL",
    ] {
        query!(tx, portable statement, id).execute().await?;
    }
    Ok(())
}

/// Returns whether a reader has no confirmed subscription and no pending request.
async fn is_nobodys(tx: &mut Tx, reader: SubscriberId) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriber_id = $1 \
         AND (status <> 'unsubscribed' OR confirmed_at IS NOT NULL))",
        reader
    )
    .fetch_one()
    .await
}
