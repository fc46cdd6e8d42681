//! Tables `forgotten` and `forgotten_salt`, and what goes from the others when a reader is forgotten.

use super::{DbError, Stamp, Tx, encode, on, on_rows, reader_requests, subscriptions};
use crate::{
    domain::{
        email_address::EmailAddress,
        forgotten::{placeholder, print},
        ids::SubscriberId,
    },
    random,
};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// A reader who has left.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LeftReader {
    /// The reader's address.
    pub address: String,
    /// A subscription that ended.
    pub subscription: i64,
    /// When.
    pub ended_at: Stamp,
}

/// Erases what is held about a reader, whose subscriptions have ended, and keeps a salted hash. `false`: a mail to them is in flight,
/// whose answer is still to be written down.
pub async fn forget(tx: &mut Tx, address: &EmailAddress, now: Timestamp) -> Result<bool, DbError> {
    // First the reader's row: signups take it first, too.
    let reader = hold_subscriber(tx, address).await?;
    if is_in_flight(tx, address).await? {
        return Ok(false);
    }
    insert(tx, address, now).await?;
    if let Some(id) = reader {
        erase_reader(tx, id, now).await?;
    }
    reader_requests::erase_wishes(tx, address).await?;
    erase_address(tx, address).await?;
    Ok(true)
}

/// Erases all that tells of a person from a reader's rows. The caller has locked the reader's row.
pub async fn erase_reader(tx: &mut Tx, id: SubscriberId, now: Timestamp) -> Result<(), DbError> {
    for it in subscriptions::of_subscriber(tx, id).await? {
        subscriptions::erase_evidence(tx, it.id).await?;
        subscriptions::erase_remarks(tx, it.id).await?;
    }
    reader_requests::erase(tx, id).await?;
    erase_subscriber(tx, id, now).await
}

/// What [`left_until`] asks.
pub const LEFT_UNTIL: &str = "SELECT r.address, s.id AS subscription, s.ended_at FROM subscriptions s \
     JOIN subscribers r ON r.id = s.subscriber_id WHERE s.ended_at <= $1 AND (s.ended_at, s.id) > ($2, $3) \
     AND s.erased_at IS NULL AND r.forgotten_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM subscriptions o WHERE o.subscriber_id = s.subscriber_id \
     AND (o.ended_at IS NULL OR o.ended_at > $1 AND o.erased_at IS NULL)) ORDER BY s.ended_at, s.id LIMIT $4";

/// Readers all of whose subscriptions ended until a moment, after one of them in the order they ended. One that was asked for and
/// never confirmed is no reason to keep a reader longer: anybody can type their address into the form.
pub async fn left_until(
    tx: &mut Tx,
    until: Timestamp,
    after: (Timestamp, i64),
    limit: i64,
) -> Result<Vec<LeftReader>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(LEFT_UNTIL)
            .bind(Stamp(until))
            .bind(Stamp(after.0))
            .bind(after.1)
            .bind(limit)
            .fetch_all(conn)
            .await
    })
}

/// Whether all of a reader's subscriptions ended until a moment. The reader's row is held until the transaction ends.
pub async fn has_left(tx: &mut Tx, address: &EmailAddress, until: Timestamp) -> Result<bool, DbError> {
    let Some(reader) = hold_subscriber(tx, address).await? else { return Ok(false) };
    on!(tx, |conn| {
        sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriber_id = $1 AND (ended_at IS NULL OR ended_at > $2 AND erased_at IS NULL))"
    )
    .bind(reader.0)
    .bind(Stamp(until))
    .fetch_one(conn)
    .await
    })
}

/// The salt of this installation; `None`: nobody has been forgotten.
pub async fn salt(tx: &mut Tx) -> Result<Option<String>, DbError> {
    on!(tx, |conn| sqlx::query_scalar("SELECT salt FROM forgotten_salt WHERE id = 1")
        .fetch_optional(conn)
        .await)
}

/// Which of these addresses, by their keys, are of readers who asked to be forgotten, or moved to another address.
pub async fn among(tx: &mut Tx, keys: &[String]) -> Result<HashSet<String>, DbError> {
    Ok(found_among(tx, keys).await?.map(|(key, _)| key).collect())
}

/// Which of them must not be mailed even if their reader signs up again.
pub(super) async fn suppressed_among(tx: &mut Tx, keys: &[String]) -> Result<HashSet<String>, DbError> {
    Ok(found_among(tx, keys).await?.filter(|(_, reason)| reason.is_some()).map(|(key, _)| key).collect())
}

async fn found_among(
    tx: &mut Tx,
    keys: &[String],
) -> Result<impl Iterator<Item = (String, Option<String>)>, DbError> {
    let mut by_print: HashMap<String, String> = HashMap::new();
    if let Some(salt) = salt(tx).await? {
        by_print.extend(keys.iter().map(|key| (print(&salt, key), key.clone())));
    }
    let rows: Vec<[&str; 1]> = by_print.keys().map(|print| [print.as_str()]).collect();
    let found: Vec<(String, Option<String>)> = if rows.is_empty() {
        Vec::new()
    } else {
        on_rows!(
            tx,
            ["SELECT print, reason FROM forgotten WHERE print IN (SELECT value ->> 0 FROM"],
            [")"],
            |conn, query| sqlx::query_as(query).bind(encode(&rows)?).fetch_all(conn).await?
        )
    };
    Ok(found.into_iter().filter_map(move |(print, reason)| Some((by_print.remove(&print)?, reason))))
}

/// Why a forgotten address must not be mailed, if it must not.
pub(super) async fn reason(
    tx: &mut Tx,
    salt: &str,
    address: &EmailAddress,
) -> Result<Option<String>, DbError> {
    let found: Option<Option<String>> = on!(tx, |conn| {
        sqlx::query_scalar("SELECT reason FROM forgotten WHERE print = $1")
            .bind(print(salt, &address.key()))
            .fetch_optional(conn)
            .await?
    });
    Ok(found.flatten())
}

/// The subscriber with this address, if there is one. Its row is held until the transaction ends.
pub async fn hold_subscriber(tx: &mut Tx, address: &EmailAddress) -> Result<Option<SubscriberId>, DbError> {
    let id: Option<i64> = on!(tx, |conn| {
        // Changes nothing.
        sqlx::query_scalar(
            "UPDATE subscribers SET address_key = address_key WHERE address_key = $1 RETURNING id",
        )
        .bind(address.key())
        .fetch_optional(conn)
        .await?
    });
    Ok(id.map(SubscriberId))
}

/// Whether an email to this address, or about one of its reader's subscriptions, is in flight: its answer is still to be recorded.
pub async fn is_in_flight(tx: &mut Tx, address: &EmailAddress) -> Result<bool, DbError> {
    on!(tx, |conn| {
        sqlx::query_scalar(
            "WITH own AS (SELECT s.id, s.subscriber_id FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id \
             WHERE r.address_key = $1) \
             SELECT EXISTS (SELECT 1 FROM mails WHERE status = 'sending' AND lower(recipient) = $1) \
             OR EXISTS (SELECT 1 FROM mails WHERE status = 'sending' AND subscription_id IN (SELECT id FROM own)) \
             OR EXISTS (SELECT 1 FROM deliveries WHERE status = 'sending' \
             AND subscriber_id IN (SELECT subscriber_id FROM own))",
        )
        .bind(address.key())
        .fetch_one(conn)
        .await
    })
}

/// Keeps the print of an address, and from its suppression what it was for, without what a relay said.
pub async fn insert(tx: &mut Tx, address: &EmailAddress, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO forgotten_salt (id, salt) VALUES (1, $1) ON CONFLICT (id) DO NOTHING"
    )
    .bind(random::hex::<32>())
    .execute(conn)
    .await
    .map(drop))?;
    let salt = salt(tx).await?.ok_or(DbError::RowNotFound)?;
    let reason: Option<String> = on!(tx, |conn| {
        sqlx::query_scalar("SELECT reason FROM suppressions WHERE address_key = $1")
            .bind(address.key())
            .fetch_optional(conn)
            .await?
    });
    let reason = reason.map(|it| it.split(':').next().unwrap_or_default().trim().to_owned());
    on!(tx, |conn| {
        sqlx::query(
        "INSERT INTO forgotten (print, reason, forgotten_at) VALUES ($1, $2, $3) ON CONFLICT (print) DO UPDATE \
         SET reason = COALESCE(excluded.reason, forgotten.reason), forgotten_at = excluded.forgotten_at"
    )
    .bind(print(&salt, &address.key()))
    .bind(reason)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop)
    })
}

/// Takes from mails and the suppression list what names this address. Notices to operators that are still to be sent stay.
pub async fn erase_address(tx: &mut Tx, address: &EmailAddress) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM suppressions WHERE address_key = $1",
        "DELETE FROM newsletter_suppressions WHERE address_key = $1",
        "DELETE FROM signups WHERE address_key = $1",
        "DELETE FROM mails WHERE lower(recipient) = $1 AND (subscription_id IS NOT NULL OR status IN ('sent', 'failed'))",
    ] {
        on!(tx, |conn| sqlx::query(statement).bind(address.key()).execute(conn).await.map(drop))?;
    }
    Ok(())
}

/// How a reader's mails are removed.
pub const ERASE_MAILS: &str =
    "DELETE FROM mails WHERE subscription_id IN (SELECT id FROM subscriptions WHERE subscriber_id = $1)";

/// Takes from a reader's rows, the ledger of consent apart, all that tells of a person. That there was a reader, and which issues
/// they were sent, stays, as of nobody.
pub async fn erase_subscriber(tx: &mut Tx, id: SubscriberId, now: Timestamp) -> Result<(), DbError> {
    for statement in [
        ERASE_MAILS,
        "UPDATE leaving_reasons SET remark = NULL WHERE remark IS NOT NULL AND subscription_id IN \
         (SELECT id FROM subscriptions WHERE subscriber_id = $1)",
        "UPDATE deliveries SET reply_text = NULL WHERE subscriber_id = $1 AND reply_text IS NOT NULL",
    ] {
        on!(tx, |conn| sqlx::query(statement).bind(id.0).execute(conn).await.map(drop))?;
    }
    on!(tx, |conn| {
        sqlx::query(
            "UPDATE subscriptions SET cadence = 'every_issue', sections = '', time_zone = NULL, send_time = NULL, \
             signup_mailed_at = NULL, language = NULL, paused_until = NULL, resumes_at = NULL, moved_at = NULL, erased_at = $2 \
             WHERE subscriber_id = $1",
        )
        .bind(id.0)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(drop)
    })?;
    let nobody = placeholder(id.0).ok_or(DbError::RowNotFound)?;
    on!(tx, |conn| sqlx::query(
        "UPDATE subscribers SET address = $2, address_key = $3, forgotten_at = $4 WHERE id = $1"
    )
    .bind(id.0)
    .bind(nobody.as_str())
    .bind(nobody.key())
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop))
}
