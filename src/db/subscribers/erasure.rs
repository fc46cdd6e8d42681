//! Erasing a reader from every table.

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

/// A reader whose subscriptions have all ended.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LeftReader {
    pub address: EmailAddress,
    /// The subscription that ended.
    pub subscription: SubscriptionId,
    pub ended_at: DbTime,
}

/// Erases a reader whose subscriptions have ended, and keeps a salted hash of the address. Returns `false` if
/// an email to the reader is in flight, because its answer must still be recorded.
pub async fn erase(tx: &mut Tx, address: &EmailAddress, now: Timestamp) -> Result<bool, DbError> {
    // The reader's row is locked first, as signups do.
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

/// Erases the personal data in a reader's rows. The caller has locked the reader's row.
pub async fn erase_reader(tx: &mut Tx, id: SubscriberId, now: Timestamp) -> Result<(), DbError> {
    for it in subscribers::for_subscriber(tx, id).await? {
        subscribers::erase_evidence(tx, it.id).await?;
        subscribers::erase_remarks(tx, it.id).await?;
    }
    requests::erase(tx, id).await?;
    erase_subscriber(tx, id, now).await
}

/// The query of [`left_until`].
pub const LEFT_UNTIL: &str = "SELECT r.address, s.id AS subscription, s.ended_at FROM subscriptions s \
     JOIN subscribers r ON r.id = s.subscriber_id WHERE s.ended_at <= $1 AND (s.ended_at, s.id) > ($2, $3) \
     AND s.erased_at IS NULL AND r.erased_at IS NULL AND NOT EXISTS (SELECT 1 FROM subscriptions o \
     WHERE o.subscriber_id = s.subscriber_id AND (o.ended_at IS NULL OR o.ended_at > $1 \
     AND o.erased_at IS NULL)) ORDER BY s.ended_at, s.id LIMIT $4";

/// Returns readers whose subscriptions all ended by a time, after a given one in the order they ended.
/// Unconfirmed requests don't keep a reader, because anybody can enter an address in the form.
pub async fn left_until(
    tx: &mut Tx,
    until: Timestamp,
    after: (Timestamp, SubscriptionId),
    limit: i64,
) -> Result<Vec<LeftReader>, DbError> {
    query_as!(tx, LEFT_UNTIL, DbTime(until), DbTime(after.0), after.1, limit).fetch_all().await
}

/// Returns whether all of a reader's subscriptions ended by a time. Locks the reader's row.
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

/// Returns the subscriber with this address and locks the row.
pub async fn find_for_update(tx: &mut Tx, address: &EmailAddress) -> Result<Option<SubscriberId>, DbError> {
    // The update changes nothing.
    query_scalar!(
        tx,
        "UPDATE subscribers SET address_key = address_key WHERE address_key = $1 RETURNING id",
        address.key()
    )
    .fetch_optional()
    .await
}

/// Returns whether an email to this address, or about one of its reader's subscriptions, is in flight. Its
/// answer must still be recorded.
pub async fn is_in_flight(tx: &mut Tx, address: &EmailAddress) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "WITH own AS (SELECT s.id, s.subscriber_id FROM subscriptions s \
         JOIN subscribers r ON r.id = s.subscriber_id WHERE r.address_key = $1) SELECT EXISTS (SELECT 1 \
         FROM emails WHERE status = 'sending' AND lower(recipient) = $1) OR EXISTS (SELECT 1 FROM emails \
         WHERE status = 'sending' AND subscription_id IN (SELECT id FROM own)) OR EXISTS (SELECT 1 \
         FROM deliveries WHERE begun AND subscriber_id IN (SELECT subscriber_id FROM own))",
        address.key()
    )
    .fetch_one()
    .await
}

const FORGET_BOUNCES: &str =
    "UPDATE bounces SET address_key = NULL, domain = NULL, diagnostic = NULL WHERE address_key = $1";

/// Removes an address that its reader has left from bounces, which would outlive the reader's erasure there.
pub async fn forget_bounces(tx: &mut Tx, address: &EmailAddress) -> Result<(), DbError> {
    query!(tx, portable FORGET_BOUNCES, address.key()).execute().await
}

/// Removes an address from emails, bounces and suppressions. Notices to operators that are still to be sent stay.
pub async fn erase_address(tx: &mut Tx, address: &EmailAddress) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM suppressions WHERE address_key = $1",
        "DELETE FROM newsletter_suppressions WHERE address_key = $1",
        "DELETE FROM signups WHERE address_key = $1",
        FORGET_BOUNCES,
        "DELETE FROM import_rows WHERE address_key = $1",
        "DELETE FROM test_addresses WHERE address_key = $1",
        "DELETE FROM incoming_messages WHERE lower(sender) = $1 OR lower(recipient) = $1",
        "DELETE FROM emails WHERE lower(recipient) = $1 AND (subscription_id IS NOT NULL \
         OR status IN ('sent', 'failed', 'uncertain'))",
    ] {
        query!(tx, portable statement, address.key()).execute().await?;
    }
    Ok(())
}

/// Removes a reader's emails.
pub const ERASE_MAILS: &str =
    "DELETE FROM emails WHERE subscription_id IN (SELECT id FROM subscriptions WHERE subscriber_id = $1)";

/// Erases the personal data in a reader's rows, except those of the ledger. The rows and the deliveries stay,
/// but no longer identify anybody.
pub async fn erase_subscriber(tx: &mut Tx, id: SubscriberId, now: Timestamp) -> Result<(), DbError> {
    for statement in [
        ERASE_MAILS,
        "UPDATE unsubscribe_reasons SET remark = NULL WHERE remark IS NOT NULL AND subscription_id IN \
         (SELECT id FROM subscriptions WHERE subscriber_id = $1)",
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
