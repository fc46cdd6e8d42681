//! Readers who change their address.

use crate::{
    db::{
        DbError, DbTime, Tx, cohorts,
        deliveries::receipts,
        engine::{
            columns::DbList,
            query::{query, query_scalar},
        },
        suppressions,
    },
    domain::{
        ids::{NewsletterId, SubscriberId, SubscriptionId},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;

/// Returns the reader with this address.
pub async fn get_by_address(tx: &mut Tx, address: &EmailAddress) -> Result<Option<SubscriberId>, DbError> {
    query_scalar!(tx, "SELECT id FROM subscribers WHERE address_key = $1", address.key())
        .fetch_optional()
        .await
}

/// Locks the rows of these readers in the order that all transactions use: readers first, as signups do; then
/// open deliveries, as the recorder does; then subscriptions, as ledger entries do. Other transactions can
/// still refer to the rows, so deliveries can be made meanwhile.
pub async fn lock_readers(tx: &mut Tx, readers: &[SubscriberId]) -> Result<(), DbError> {
    // SQLite has one writer, so no row locks are needed.
    if tx.is_only_writer() {
        return Ok(());
    }
    for statement in [
        "SELECT id FROM subscribers WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE",
        "SELECT id FROM deliveries WHERE subscriber_id = ANY ($1) AND status NOT IN ('sent', 'failed', \
         'skipped') ORDER BY id FOR UPDATE",
        "SELECT id FROM subscriptions WHERE subscriber_id = ANY ($1) ORDER BY id FOR NO KEY UPDATE",
    ] {
        query!(tx, portable statement, DbList(readers)).execute().await?;
    }
    Ok(())
}

/// Gives a reader a new address, which no other reader may have. All of the reader's subscriptions move
/// along.
pub async fn set_address(
    tx: &mut Tx,
    reader: SubscriberId,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE subscribers SET address = $2, address_key = $3 WHERE id = $1",
        reader,
        address,
        address.key()
    )
    .execute()
    .await?;
    query!(tx, "UPDATE subscriptions SET moved_at = $2 WHERE subscriber_id = $1", reader, DbTime(now))
        .execute()
        .await
}

/// Gives a subscription to another reader, who has none to this newsletter.
pub async fn reassign(
    tx: &mut Tx,
    id: SubscriptionId,
    reader: SubscriberId,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET subscriber_id = $2, moved_at = $3 WHERE id = $1",
        id,
        reader,
        DbTime(now)
    )
    .execute()
    .await
}

/// Restores a subscription that is neither active nor paused, with the status and the preferences of another
/// one.
pub async fn restore_from(
    tx: &mut Tx,
    id: SubscriptionId,
    other: SubscriptionId,
    now: Timestamp,
) -> Result<(), DbError> {
    suppressions::lift(tx, id).await?;
    query!(
        tx,
        "UPDATE subscriptions SET status = o.status, confirmed_at = $3, ended_at = NULL, erased_at = NULL, \
         signup_mailed_at = NULL, cadence = o.cadence, sections = o.sections, time_zone = o.time_zone, \
         send_time = o.send_time, language = o.language, paused_until = o.paused_until, resumes_at = \
         o.resumes_at FROM (SELECT status, cadence, sections, time_zone, send_time, language, paused_until, \
         resumes_at FROM subscriptions WHERE id = $2) AS o WHERE subscriptions.id = $1",
        id,
        other,
        DbTime(now)
    )
    .execute()
    .await
}

/// A subscription and its reader.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    pub reader: SubscriberId,
    pub subscription: SubscriptionId,
}

/// Gives the deliveries of one subscription, sent or waiting, to another one of the same newsletter, so that
/// no story comes twice and no issue is missed. A reader keeps one delivery per issue: if `to` has one, the
/// delivery of `from` stays.
pub async fn transfer_history(
    tx: &mut Tx,
    newsletter: NewsletterId,
    from: Holder,
    to: Holder,
) -> Result<(), DbError> {
    // A delivery that was skipped because `to` had ended is wanted again if `from` still waits for the same
    // issue.
    query!(
        tx,
        "UPDATE deliveries SET status = 'queued', finished_at = NULL, reply_text = NULL \
         WHERE subscriber_id = $3 AND status = 'skipped' AND EXISTS (SELECT 1 FROM deliveries o \
         WHERE o.subscriber_id = $1 AND o.subscription_id = $2 AND o.issue_id = deliveries.issue_id \
         AND o.status IN ('queued', 'deferred', 'claimed') AND NOT o.begun)",
        from.reader,
        from.subscription,
        to.reader
    )
    .execute()
    .await?;
    query!(
        tx,
        "UPDATE deliveries SET subscriber_id = $3, subscription_id = $4 WHERE subscriber_id = $1 \
         AND subscription_id = $2 AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.subscriber_id = $3 \
         AND o.issue_id = deliveries.issue_id)",
        from.reader,
        from.subscription,
        to.reader,
        to.subscription
    )
    .execute()
    .await?;
    query!(
        tx,
        "UPDATE welcomes SET subscriber_id = $2 WHERE subscriber_id = $1 AND variant_id IN (SELECT v.id \
         FROM issue_variants v JOIN issues i ON i.id = v.issue_id WHERE i.newsletter_id = $3) \
         AND NOT EXISTS (SELECT 1 FROM welcomes o WHERE o.subscriber_id = $2 \
         AND o.variant_id = welcomes.variant_id)",
        from.reader,
        to.reader,
        newsletter
    )
    .execute()
    .await?;
    receipts::transfer(tx, newsletter, from.reader, to.reader).await?;
    cohorts::forget(tx, &[from.subscription, to.subscription]).await
}
