//! What signups ask for, for many at a time.

use crate::{
    db::{
        DbError, EngineTx, Stamp, Tx,
        engine::query::{json_rows, query, query_as},
    },
    domain::{
        ids::{ConfirmationId, NewsletterId, SubscriberId, SubscriptionId},
        subscriber::{email_address::EmailAddress, subscription::SubscriptionStatus},
    },
};
use jiff::Timestamp;
use std::collections::HashMap;

/// A subscription that a signup is about, as it stood before.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Standing {
    /// The row.
    pub id: SubscriptionId,
    subscriber_id: SubscriberId,
    newsletter_id: NewsletterId,
    /// Where it stands; pending if it is new.
    pub status: SubscriptionStatus,
    /// When a signup last caused a mail.
    pub signup_mailed_at: Option<Stamp>,
}

/// What a signup says about a subscription that becomes, or stays, pending.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which.
    pub subscription: SubscriptionId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The zone that the signup came from. It is kept unless the reader has one already.
    pub time_zone: Option<&'a str>,
    /// The language of the page it came from.
    pub language: Option<&'a str>,
}

/// Finds or makes the subscribers with these addresses, in their order.
pub async fn subscribers(
    tx: &mut Tx,
    addresses: &[&EmailAddress],
    now: Timestamp,
) -> Result<Vec<SubscriberId>, DbError> {
    let keys: Vec<String> = addresses.iter().map(|it| it.key()).collect();
    let mut rows: Vec<_> = keys.iter().zip(addresses).map(|(key, it)| (key, it.as_str())).collect();
    // In one order for all, so that of two at once one waits and neither for the other.
    rows.sort_unstable();
    rows.dedup_by_key(|row| row.0);
    // The update changes nothing; it makes RETURNING name the rows that are there. A column of a unique index would hold them against
    // whoever only names them, such as an issue's deliveries.
    let found: Vec<(String, i64)> = query_as!(
        tx,
        "INSERT INTO subscribers (address, address_key, created_at) SELECT value ->> 1, value ->> 0, $2 \
         FROM {rows $1} WHERE true ON CONFLICT (address_key) DO UPDATE \
         SET created_at = subscribers.created_at RETURNING address_key, id",
        json_rows(&rows)?,
        Stamp(now)
    )
    .fetch_all()
    .await?;
    let found: HashMap<String, i64> = found.into_iter().collect();
    keys.iter().map(|key| found.get(key).map(|id| SubscriberId(*id)).ok_or(DbError::RowNotFound)).collect()
}

/// Finds or makes subscriptions, pending if they are new, in the order of the list. Their rows are held until the transaction ends,
/// so that two signups at once for the same address take turns.
pub async fn standings(
    tx: &mut Tx,
    of: &[(SubscriberId, NewsletterId)],
    now: Timestamp,
) -> Result<Vec<Standing>, DbError> {
    let mut rows: Vec<(i64, i64)> =
        of.iter().map(|(subscriber, newsletter)| (subscriber.0, newsletter.0)).collect();
    rows.sort_unstable();
    rows.dedup();
    let found: Vec<Standing> = query_as!(
        tx,
        "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at) \
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), 'pending', $2 FROM {rows $1} \
         WHERE true ON CONFLICT (subscriber_id, newsletter_id) DO UPDATE SET status = subscriptions.status \
         RETURNING id, subscriber_id, newsletter_id, status, signup_mailed_at",
        json_rows(&rows)?,
        Stamp(now)
    )
    .fetch_all()
    .await?;
    let found: HashMap<_, _> =
        found.into_iter().map(|it| ((it.subscriber_id, it.newsletter_id), it)).collect();
    of.iter().map(|key| found.get(key).copied().ok_or(DbError::RowNotFound)).collect()
}

/// Makes subscriptions pending, whose rows the caller holds, and keeps what the signup said of its reader.
pub async fn set_requested(tx: &mut Tx, requests: &[Request<'_>]) -> Result<(), DbError> {
    if requests.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = requests
        .iter()
        .map(|it| (it.subscription.0, it.requested_at.as_microsecond(), it.time_zone, it.language))
        .collect();
    macro_rules! update {
        ($conn:ident, $before:literal, $list:literal) => {
            sqlx::query(concat!(
                "UPDATE subscriptions SET status = 'pending', ended_at = NULL, erased_at = NULL, \
                 requested_at = ",
                $before,
                "CAST(new.value ->> 1 AS BIGINT), time_zone = COALESCE(time_zone, new.value ->> 2), language \
                 = COALESCE(new.value ->> 3, language) FROM ",
                $list,
                " AS new WHERE subscriptions.id = CAST(new.value ->> 0 AS BIGINT)"
            ))
            .bind(json_rows(&rows)?)
            .execute($conn)
            .await
            .map(drop)
        };
    }
    match tx.by_engine() {
        EngineTx::Sqlite(conn) => update!(conn, "", "json_each($1)"),
        EngineTx::Postgres(conn) => update!(
            conn,
            "TIMESTAMPTZ 'epoch' + INTERVAL '1 microsecond' * ",
            "json_array_elements($1::json)"
        ),
    }
}

/// Records that signups caused a mail.
pub async fn set_signup_mailed(
    tx: &mut Tx,
    subscriptions: &[SubscriptionId],
    now: Timestamp,
) -> Result<(), DbError> {
    if subscriptions.is_empty() {
        return Ok(());
    }
    let rows: Vec<[i64; 1]> = subscriptions.iter().map(|id| [id.0]).collect();
    query!(
        tx,
        "UPDATE subscriptions SET signup_mailed_at = $2 WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) \
         FROM {rows $1} )",
        json_rows(&rows)?,
        Stamp(now)
    )
    .execute()
    .await
}

/// Makes what confirmation links will point at, one for each subscription; with some, the one whose link confirms them, too.
pub async fn insert_confirmations(
    tx: &mut Tx,
    of: &[(SubscriptionId, Option<ConfirmationId>)],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<HashMap<SubscriptionId, ConfirmationId>, DbError> {
    if of.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<_> = of.iter().map(|(id, with)| (id.0, with.map(|with| with.0))).collect();
    let made: Vec<(i64, i64)> = query_as!(
        tx,
        "INSERT INTO confirmations (subscription_id, with_id, created_at, expires_at) \
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), $2, $3 FROM {rows $1} \
         RETURNING subscription_id, id",
        json_rows(&rows)?,
        Stamp(now),
        Stamp(expires_at)
    )
    .fetch_all()
    .await?;
    Ok(made
        .into_iter()
        .map(|(subscription, id)| (SubscriptionId(subscription), ConfirmationId(id)))
        .collect())
}
