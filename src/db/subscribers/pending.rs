//! Subscriptions that nobody has confirmed, and erasing them.

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

/// A subscription, and whose it is.
pub(super) type Theirs = (SubscriptionId, SubscriberId);

/// Pending subscriptions that were asked for until a moment; oldest first.
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

/// Ends the pending ones of these subscriptions that were asked for until a moment, and erases what came with that. Returns how many.
///
/// Of a reader who never confirmed go their confirmations, their emails, what is personal in the ledger's entries, and the address
/// unless it has another subscription. That somebody asked stays in the ledger, which only ever grows. A reader who had confirmed
/// before is again what they were: anybody can type their address into the form, and that changes nothing of how long it is kept.
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

/// Takes the rows of readers, of their links to confirm and of all of their subscriptions until the transaction ends, and returns those
/// whose readers nobody else has in hand: a signup, a confirmation or a leaving of this moment comes first, and the next turn looks
/// again. All of them, for with the last one a reader is erased, and by then nothing may have to be waited for.
pub(super) async fn lock_skip_locked(tx: &mut Tx, of: &[Theirs]) -> Result<Vec<Theirs>, DbError> {
    // SQLite has one writer.
    if tx.is_only_writer() {
        return Ok(of.to_vec());
    }
    // Signups take the reader's row first, too.
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
    // Confirming takes the link's row first, then the subscription's.
    query!(
        tx,
        "SELECT id FROM confirmations WHERE subscription_id {in $1} ORDER BY id {postgres FOR UPDATE}",
        DbList(&ids)
    )
    .execute()
    .await?;
    // No subscription is added while its reader's row is locked.
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

/// Ends a pending subscription that was never confirmed, of which nothing personal stays, so that nothing else of its reader is kept
/// because of it. `false`: it is none.
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

/// Lets a pending subscription be again what it was before it was asked for: left, since the ledger says so; or, where the ledger's
/// last word is that the reader confirmed, undeliverable, for nothing else ended it. (Whoever complained does not become pending.)
/// `false`: it is none that was confirmed before.
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

/// Removes the links to confirm that nobody used, and the emails they were in.
async fn erase_open_confirmations(tx: &mut Tx, id: SubscriptionId) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM emails WHERE confirmation_id IN (SELECT id FROM confirmations WHERE subscription_id = $1 \
         AND used_at IS NULL)",
        "DELETE FROM confirmations WHERE subscription_id = $1 AND used_at IS NULL",
    ] {
        query!(tx, portable statement, id).execute().await?;
    }
    Ok(())
}

/// Whether a reader has nothing that they ever confirmed, nor asks for anything.
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
