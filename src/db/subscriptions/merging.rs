//! Readers who move to another address, and two who turn out to be one.

use crate::{
    db::{DbError, EngineTx, Stamp, Tx, on},
    domain::{
        email_address::EmailAddress,
        ids::{SubscriberId, SubscriptionId},
    },
};
use jiff::Timestamp;

/// The reader with this address, if there is one.
pub async fn reader_at(tx: &mut Tx, address: &EmailAddress) -> Result<Option<SubscriberId>, DbError> {
    let id: Option<i64> = on!(tx, |conn| {
        sqlx::query_scalar("SELECT id FROM subscribers WHERE address_key = $1")
            .bind(address.key())
            .fetch_optional(conn)
            .await?
    });
    Ok(id.map(SubscriberId))
}

/// Takes all that is these readers' until the transaction ends: their rows, as signups do first; what of running issues is theirs, as
/// the recorder does; and their subscriptions, as everybody who adds to the ledger does, each kind in one order. No key is changed yet:
/// deliveries may be made meanwhile.
pub async fn hold_readers(tx: &mut Tx, readers: &[SubscriberId]) -> Result<(), DbError> {
    match tx.by_engine() {
        // Who writes is alone.
        EngineTx::Sqlite(_) => Ok(()),
        EngineTx::Postgres(conn) => {
            let ids: Vec<i64> = readers.iter().map(|id| id.0).collect();
            for statement in [
                "SELECT id FROM subscribers WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
                "SELECT id FROM deliveries WHERE subscriber_id = ANY($1) AND status NOT IN ('sent', 'failed', 'skipped') \
                 ORDER BY id FOR UPDATE",
                "SELECT id FROM subscriptions WHERE subscriber_id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
            ] {
                sqlx::query(statement).bind(&ids).execute(&mut *conn).await?;
            }
            Ok(())
        }
    }
}

/// Takes back what workers hold for a reader and have not begun: they would mail it to the address that is left. What waits no longer
/// keeps the pace of that address's provider; the new one's, if it has a limit, is found when it is sent.
pub async fn take_back(tx: &mut Tx, reader: SubscriberId) -> Result<(), DbError> {
    for statement in [
        "UPDATE deliveries SET status = 'queued', claim_id = NULL WHERE subscriber_id = $1 AND status = 'claimed'",
        "UPDATE deliveries SET paced = NULL WHERE subscriber_id = $1 AND paced IS NOT NULL \
         AND status IN ('queued', 'deferred')",
    ] {
        on!(tx, |conn| sqlx::query(statement).bind(reader.0).execute(conn).await.map(drop))?;
    }
    Ok(())
}

/// Gives a reader another address, which must be nobody's.
pub async fn set_address(
    tx: &mut Tx,
    reader: SubscriberId,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE subscribers SET address = $2, address_key = $3, moved_at = $4 WHERE id = $1"
    )
    .bind(reader.0)
    .bind(address.as_str())
    .bind(address.key())
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop))
}

/// Gives a subscription to another reader, who has none to this newsletter.
pub async fn give_to(tx: &mut Tx, id: SubscriptionId, reader: SubscriberId) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE subscriptions SET subscriber_id = $2 WHERE id = $1")
        .bind(id.0)
        .bind(reader.0)
        .execute(conn)
        .await
        .map(drop))
}

/// Lets a subscription that has ended go on as another one stands, with what was chosen there. That its reader once confirmed it stays,
/// also where the other one is only asked for: what happens to that which nobody confirms turns on it.
pub async fn go_on_as(tx: &mut Tx, id: SubscriptionId, as_of: SubscriptionId) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
            "UPDATE subscriptions SET status = o.status, confirmed_at = COALESCE(o.confirmed_at, subscriptions.confirmed_at), ended_at = NULL, erased_at = NULL, \
             requested_at = o.requested_at, signup_mailed_at = o.signup_mailed_at, reminded_at = o.reminded_at, cadence = o.cadence, sections = o.sections, time_zone = o.time_zone, \
             send_time = o.send_time, language = o.language, paused_until = o.paused_until, resumes_at = o.resumes_at \
             FROM (SELECT status, confirmed_at, requested_at, signup_mailed_at, reminded_at, cadence, sections, time_zone, send_time, language, paused_until, resumes_at \
             FROM subscriptions WHERE id = $2) AS o WHERE subscriptions.id = $1",
        )
        .bind(id.0)
        .bind(as_of.0)
        .execute(conn)
        .await
        .map(drop)
    })
}

/// Writes down which subscription goes on in the place of another one: links in its mails lead there from now on.
pub async fn set_merged(tx: &mut Tx, id: SubscriptionId, into: SubscriptionId) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE subscriptions SET merged_into = $2 WHERE id = $1 OR merged_into = $1")
        .bind(id.0)
        .bind(into.0)
        .execute(conn)
        .await
        .map(drop))
}

/// Gives a reader what another one was sent and is about to be sent, so that no story comes twice and no issue is missed. Of an issue
/// that both have, the reader gets one copy: where the other one had it, or may have had it, that one; or else their own. The
/// subscriptions that went on as the reader's are marked as such by now.
pub async fn take_past(
    tx: &mut Tx,
    reader: SubscriberId,
    other: SubscriberId,
    now: Timestamp,
) -> Result<(), DbError> {
    for statement in [
        "UPDATE deliveries SET status = 'skipped', claim_id = NULL, finished_at = $3, \
         reply_text = 'the reader had it at another address' \
         WHERE subscriber_id = $1 AND status IN ('queued', 'deferred', 'claimed') AND EXISTS \
         (SELECT 1 FROM deliveries o WHERE o.subscriber_id = $2 AND o.issue_id = deliveries.issue_id \
         AND o.status IN ('sent', 'sending', 'uncertain'))",
        "UPDATE deliveries SET status = 'skipped', claim_id = NULL, finished_at = $3, \
         reply_text = 'the reader gets it at another address' \
         WHERE subscriber_id = $2 AND status IN ('queued', 'deferred', 'claimed') AND EXISTS \
         (SELECT 1 FROM deliveries o WHERE o.subscriber_id = $1 AND o.issue_id = deliveries.issue_id \
         AND o.status NOT IN ('failed', 'skipped'))",
    ] {
        on!(tx, |conn| sqlx::query(statement)
            .bind(reader.0)
            .bind(other.0)
            .bind(Stamp(now))
            .execute(conn)
            .await
            .map(drop))?;
    }
    for statement in [
        // What is still open goes on for the subscription that does: the fence asks it, and the copy has its links.
        "UPDATE deliveries SET subscription_id = (SELECT s.merged_into FROM subscriptions s WHERE s.id = deliveries.subscription_id) \
         WHERE subscriber_id = $2 AND status NOT IN ('sent', 'failed', 'skipped') AND EXISTS (SELECT 1 FROM subscriptions s \
         JOIN subscriptions own ON own.id = s.merged_into WHERE s.id = deliveries.subscription_id AND own.subscriber_id = $1)",
        "UPDATE deliveries SET subscriber_id = $1 WHERE subscriber_id = $2 AND NOT EXISTS \
         (SELECT 1 FROM deliveries o WHERE o.subscriber_id = $1 AND o.issue_id = deliveries.issue_id)",
        "UPDATE welcomes SET subscriber_id = $1 WHERE subscriber_id = $2 AND NOT EXISTS \
         (SELECT 1 FROM welcomes o WHERE o.subscriber_id = $1 AND o.variant_id = welcomes.variant_id)",
    ] {
        on!(tx, |conn| sqlx::query(statement).bind(reader.0).bind(other.0).execute(conn).await.map(drop))?;
    }
    Ok(())
}

/// Makes a reader nobody, whose address is another one's now.
pub async fn set_merged_away(tx: &mut Tx, reader: SubscriberId, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
            "UPDATE subscribers SET address = 'erased-' || id || '@erased.invalid', \
             address_key = 'erased-' || id || '@erased.invalid', forgotten_at = $2 WHERE id = $1",
        )
        .bind(reader.0)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(drop)
    })
}

/// The subscriptions that went on as this one, and whose they were.
pub async fn merged_into(
    tx: &mut Tx,
    id: SubscriptionId,
) -> Result<Vec<(SubscriptionId, SubscriberId)>, DbError> {
    let rows: Vec<(i64, i64)> = on!(tx, |conn| {
        sqlx::query_as("SELECT id, subscriber_id FROM subscriptions WHERE merged_into = $1 ORDER BY id")
            .bind(id.0)
            .fetch_all(conn)
            .await?
    });
    Ok(rows.into_iter().map(|(id, reader)| (SubscriptionId(id), SubscriberId(reader))).collect())
}
