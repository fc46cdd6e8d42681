//! Subscriptions that nobody has confirmed, and erasing them.

use crate::{
    db::{
        DbError, EngineTx, Stamp, Tx,
        consent::chain::erase_requests,
        engine::query::{query, query_as, query_scalar},
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
    let found: Vec<(i64, i64)> = query_as!(
        tx,
        "SELECT id, subscriber_id FROM subscriptions WHERE status = 'pending' \
         AND requested_at <= $1 ORDER BY requested_at, id LIMIT $2",
        Stamp(until),
        limit
    )
    .fetch_all()
    .await?;
    Ok(theirs(found))
}

pub(super) fn theirs(rows: Vec<(i64, i64)>) -> Vec<Theirs> {
    rows.into_iter().map(|(id, reader)| (SubscriptionId(id), SubscriberId(reader))).collect()
}

/// Ends the pending ones of these subscriptions that were asked for until a moment, and erases what came with that. Returns how many.
///
/// Of a reader who never confirmed go their confirmations, their mails, what is personal in the ledger's entries, and the address
/// unless it has another subscription. That somebody asked stays in the ledger, which only ever grows. A reader who had confirmed
/// before is again what they were: anybody can type their address into the form, and that changes nothing of how long it is kept.
pub async fn erase_pending(
    tx: &mut Tx,
    of: &[(SubscriptionId, SubscriberId)],
    until: Timestamp,
    now: Timestamp,
) -> Result<usize, DbError> {
    let mut erased = 0;
    for (subscription, reader) in hold_free(tx, of).await? {
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
pub(super) async fn hold_free(tx: &mut Tx, of: &[Theirs]) -> Result<Vec<Theirs>, DbError> {
    match tx.by_engine() {
        // Who writes is alone.
        EngineTx::Sqlite(_) => Ok(of.to_vec()),
        EngineTx::Postgres(conn) => {
            // Signups take the reader's row first, too.
            let readers: Vec<i64> = of.iter().map(|(_, reader)| reader.0).collect();
            let held: Vec<i64> = sqlx::query_scalar(
                "SELECT id FROM subscribers WHERE id = ANY($1) ORDER BY id FOR UPDATE SKIP LOCKED",
            )
            .bind(readers)
            .fetch_all(&mut *conn)
            .await?;
            let mut free: HashSet<i64> = held.iter().copied().collect();
            let ids: Vec<i64> =
                of.iter().filter(|(_, reader)| free.contains(&reader.0)).map(|(id, _)| id.0).collect();
            // Confirming takes the link's row first, then the subscription's.
            sqlx::query(
                "SELECT id FROM confirmations WHERE subscription_id = ANY($1) ORDER BY id FOR UPDATE",
            )
            .bind(&ids)
            .execute(&mut *conn)
            .await?;
            // No subscription is added while its reader's row is locked.
            let all: Vec<(i64, i64)> =
                sqlx::query_as("SELECT id, subscriber_id FROM subscriptions WHERE subscriber_id = ANY($1)")
                    .bind(held)
                    .fetch_all(&mut *conn)
                    .await?;
            let ids: Vec<i64> = all.iter().map(|(id, _)| *id).collect();
            let taken: Vec<i64> = sqlx::query_scalar(
                "SELECT id FROM subscriptions WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
            )
            .bind(ids)
            .fetch_all(conn)
            .await?;
            let taken: HashSet<i64> = taken.into_iter().collect();
            for (id, reader) in all {
                if !taken.contains(&id) {
                    free.remove(&reader);
                }
            }
            Ok(of.iter().copied().filter(|(_, reader)| free.contains(&reader.0)).collect())
        }
    }
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
        id.0,
        Stamp(now),
        Stamp(until)
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
        id.0,
        Stamp(until)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Removes the links to confirm that nobody used, and the mails they were in.
async fn erase_open_confirmations(tx: &mut Tx, id: SubscriptionId) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM mails WHERE confirmation_id IN (SELECT id FROM confirmations WHERE subscription_id = $1 \
         AND used_at IS NULL)",
        "DELETE FROM confirmations WHERE subscription_id = $1 AND used_at IS NULL",
    ] {
        query!(tx, portable statement, id.0).execute().await?;
    }
    Ok(())
}

/// Whether a reader has nothing that they ever confirmed, nor asks for anything.
async fn is_nobodys(tx: &mut Tx, reader: SubscriberId) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriber_id = $1 \
         AND (status <> 'unsubscribed' OR confirmed_at IS NOT NULL))",
        reader.0
    )
    .fetch_one()
    .await
}
