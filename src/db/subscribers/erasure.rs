//! Erasing a reader: what is removed from every table.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
        subscribers::{self, erased_addresses, requests},
    },
    domain::{
        ids::{SubscriberId, SubscriptionId},
        subscriber::{email_address::EmailAddress, erasure::placeholder},
    },
};
use jiff::Timestamp;

/// A reader who has left.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LeftReader {
    /// The reader's address.
    pub address: EmailAddress,
    /// A subscription that ended.
    pub subscription: SubscriptionId,
    pub ended_at: DbTime,
}

/// Erases what is held about a reader, whose subscriptions have ended, and keeps a salted hash. `false`: a mail to them is in flight,
/// whose answer is still to be written down.
pub async fn erase(tx: &mut Tx, address: &EmailAddress, now: Timestamp) -> Result<bool, DbError> {
    // First the reader's row: signups take it first, too.
    let reader = find_for_update(tx, address).await?;
    if is_in_flight(tx, address).await? {
        return Ok(false);
    }
    erased_addresses::insert(tx, address, now).await?;
    if let Some(id) = reader {
        erase_reader(tx, id, now).await?;
    }
    requests::erase_incoming_address_changes(tx, address).await?;
    erase_address(tx, address).await?;
    Ok(true)
}

/// Erases all that tells of a person from a reader's rows. The caller has locked the reader's row.
pub async fn erase_reader(tx: &mut Tx, id: SubscriberId, now: Timestamp) -> Result<(), DbError> {
    for it in subscribers::for_subscriber(tx, id).await? {
        subscribers::erase_evidence(tx, it.id).await?;
        subscribers::erase_remarks(tx, it.id).await?;
    }
    requests::erase(tx, id).await?;
    erase_subscriber(tx, id, now).await
}

/// What [`left_until`] asks.
pub const LEFT_UNTIL: &str = "SELECT r.address, s.id AS subscription, s.ended_at FROM subscriptions s \
     JOIN subscribers r ON r.id = s.subscriber_id WHERE s.ended_at <= $1 AND (s.ended_at, s.id) > ($2, $3) \
     AND s.erased_at IS NULL AND r.erased_at IS NULL AND NOT EXISTS (SELECT 1 FROM subscriptions o \
     WHERE o.subscriber_id = s.subscriber_id AND (o.ended_at IS NULL OR o.ended_at > $1 \
     AND o.erased_at IS NULL)) ORDER BY s.ended_at, s.id LIMIT $4";

/// Readers all of whose subscriptions ended until a moment, after one of them in the order they ended. One that was asked for and
/// never confirmed is no reason to keep a reader longer: anybody can type their address into the form.
pub async fn left_until(
    tx: &mut Tx,
    until: Timestamp,
    after: (Timestamp, SubscriptionId),
    limit: i64,
) -> Result<Vec<LeftReader>, DbError> {
    query_as!(tx, LEFT_UNTIL, DbTime(until), DbTime(after.0), after.1, limit).fetch_all().await
}

/// Whether all of a reader's subscriptions ended until a moment. The reader's row is held until the transaction ends.
pub async fn has_left(tx: &mut Tx, address: &EmailAddress, until: Timestamp) -> Result<bool, DbError> {
    let Some(reader) = find_for_update(tx, address).await? else { return Ok(false) };
    query_scalar!(
        tx,
        "SELECT NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriber_id = $1 AND (ended_at IS NULL \
         OR ended_at > $2 AND erased_at IS NULL))",
        reader,
        DbTime(until)
    )
    .fetch_one()
    .await
}

/// The subscriber with this address, if there is one. Its row is held until the transaction ends.
pub async fn find_for_update(tx: &mut Tx, address: &EmailAddress) -> Result<Option<SubscriberId>, DbError> {
    // Changes nothing.
    query_scalar!(
        tx,
        "UPDATE subscribers SET address_key = address_key WHERE address_key = $1 RETURNING id",
        address.key()
    )
    .fetch_optional()
    .await
}

/// Whether an email to this address, or about one of its reader's subscriptions, is in flight: its answer is still to be recorded.
pub async fn is_in_flight(tx: &mut Tx, address: &EmailAddress) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "WITH own AS (SELECT s.id, s.subscriber_id FROM subscriptions s \
         JOIN subscribers r ON r.id = s.subscriber_id WHERE r.address_key = $1) SELECT EXISTS (SELECT 1 \
         FROM emails WHERE status = 'sending' AND lower(recipient) = $1) OR EXISTS (SELECT 1 FROM emails \
         WHERE status = 'sending' AND subscription_id IN (SELECT id FROM own)) OR EXISTS (SELECT 1 \
         FROM deliveries WHERE status = 'sending' AND subscriber_id IN (SELECT subscriber_id FROM own))",
        address.key()
    )
    .fetch_one()
    .await
}

/// Takes from emails and the suppression list what names this address. Notices to operators that are still to be sent stay.
pub async fn erase_address(tx: &mut Tx, address: &EmailAddress) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM suppressions WHERE address_key = $1",
        "DELETE FROM newsletter_suppressions WHERE address_key = $1",
        "DELETE FROM signups WHERE address_key = $1",
        "DELETE FROM emails WHERE lower(recipient) = $1 AND (subscription_id IS NOT NULL \
         OR status IN ('sent', 'failed'))",
    ] {
        query!(tx, portable statement, address.key()).execute().await?;
    }
    Ok(())
}

/// How a reader's emails are removed.
pub const ERASE_MAILS: &str =
    "DELETE FROM emails WHERE subscription_id IN (SELECT id FROM subscriptions WHERE subscriber_id = $1)";

/// Takes from a reader's rows, the ledger of consent apart, all that tells of a person. That there was a reader, and which issues
/// they were sent, stays, as of nobody.
pub async fn erase_subscriber(tx: &mut Tx, id: SubscriberId, now: Timestamp) -> Result<(), DbError> {
    for statement in [
        ERASE_MAILS,
        "UPDATE unsubscribe_reasons SET remark = NULL WHERE remark IS NOT NULL AND subscription_id IN (SELECT id \
         FROM subscriptions WHERE subscriber_id = $1)",
        "UPDATE deliveries SET reply_text = NULL WHERE subscriber_id = $1 AND reply_text IS NOT NULL",
    ] {
        query!(tx, portable statement, id).execute().await?;
    }
    query!(
        tx,
        "UPDATE subscriptions SET cadence = 'every_issue', sections = '', time_zone = NULL, send_time = \
         NULL, signup_mailed_at = NULL, language = NULL, paused_until = NULL, resumes_at = NULL, moved_at = \
         NULL, erased_at = $2 WHERE subscriber_id = $1",
        id,
        DbTime(now)
    )
    .execute()
    .await?;
    let nobody = placeholder(id.0).ok_or(DbError::RowNotFound)?;
    query!(
        tx,
        "UPDATE subscribers SET address = $2, address_key = $3, erased_at = $4 WHERE id = $1",
        id,
        &nobody,
        nobody.key(),
        DbTime(now)
    )
    .execute()
    .await
}
