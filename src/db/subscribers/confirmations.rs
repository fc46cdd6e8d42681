//! The subscriptions and confirmations of signups, many at a time.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as},
        },
    },
    domain::{
        ids::{ConfirmationId, NewsletterId, SubscriberId, SubscriptionId},
        subscriber::{email_address::EmailAddress, subscription::SubscriptionStatus},
    },
};
use jiff::{Timestamp, fmt::serde::timestamp::microsecond};
use serde::Serialize;
use std::collections::HashMap;

/// A subscription that a signup asks for, as it was before.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct KnownSubscription {
    pub id: SubscriptionId,
    subscriber_id: SubscriberId,
    newsletter_id: NewsletterId,
    /// `Pending` if the subscription is new.
    pub status: SubscriptionStatus,
    /// The last email caused by a signup.
    pub signup_mailed_at: Option<DbTime>,
}

/// A signup for a subscription that becomes or stays pending.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Request<'a> {
    pub subscription: SubscriptionId,
    #[serde(with = "microsecond::required")]
    pub requested_at: Timestamp,
    /// The time zone of the signup. Kept only if the reader has none yet.
    pub time_zone: Option<&'a str>,
    /// The language of the page with the form.
    pub language: Option<&'a str>,
}

/// An address to find or add.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Address<'a> {
    pub(super) key: &'a str,
    pub(super) address: &'a str,
}

/// Finds or adds subscribers, in the order of the list.
pub async fn subscribers(
    tx: &mut Tx,
    addresses: &[&EmailAddress],
    now: Timestamp,
) -> Result<Vec<SubscriberId>, DbError> {
    let keys: Vec<String> = addresses.iter().map(|it| it.key()).collect();
    let mut rows: Vec<Address<'_>> =
        keys.iter().zip(addresses).map(|(key, it)| Address { key, address: it.as_str() }).collect();
    // Every transaction inserts in the same order, so that two can't wait for each other.
    rows.sort_unstable();
    rows.dedup_by_key(|row| row.key);
    // The update changes nothing. It makes RETURNING name existing rows. Updating a column of a unique index
    // would conflict with transactions that only refer to the row, such as the fan-out.
    let found: Vec<(String, SubscriberId)> = query_as!(
        tx,
        "INSERT INTO subscribers (address, address_key, created_at) SELECT value ->> 'address', value ->> \
         'key', $2 FROM {rows $1} WHERE true ON CONFLICT (address_key) DO UPDATE \
         SET created_at = subscribers.created_at RETURNING address_key, id",
        json_rows(&rows)?,
        DbTime(now)
    )
    .fetch_all()
    .await?;
    let found: HashMap<String, SubscriberId> = found.into_iter().collect();
    keys.iter().map(|key| found.get(key).copied().ok_or(DbError::RowNotFound)).collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Pair {
    subscriber: SubscriberId,
    newsletter: NewsletterId,
}

/// Finds or adds subscriptions, pending if they are new, in the order of the list. Locks their rows, so that
/// simultaneous signups for the same address wait for each other.
pub async fn subscriptions(
    tx: &mut Tx,
    of: &[(SubscriberId, NewsletterId)],
    now: Timestamp,
) -> Result<Vec<KnownSubscription>, DbError> {
    let mut rows: Vec<Pair> = of
        .iter()
        .map(|(subscriber, newsletter)| Pair { subscriber: *subscriber, newsletter: *newsletter })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    let found: Vec<KnownSubscription> = query_as!(
        tx,
        "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at) \
         SELECT CAST(value ->> 'subscriber' AS BIGINT), CAST(value ->> 'newsletter' AS BIGINT), 'pending', \
         $2 \
         FROM {rows $1} WHERE true ON CONFLICT (subscriber_id, newsletter_id) DO UPDATE SET status = \
         subscriptions.status RETURNING id, subscriber_id, newsletter_id, status, signup_mailed_at",
        json_rows(&rows)?,
        DbTime(now)
    )
    .fetch_all()
    .await?;
    let found: HashMap<_, _> =
        found.into_iter().map(|it| ((it.subscriber_id, it.newsletter_id), it)).collect();
    of.iter().map(|key| found.get(key).copied().ok_or(DbError::RowNotFound)).collect()
}

/// Makes subscriptions pending, and saves their readers' time zones and languages. The caller has locked the
/// rows.
pub async fn set_requested(tx: &mut Tx, requests: &[Request<'_>]) -> Result<(), DbError> {
    if requests.is_empty() {
        return Ok(());
    }
    query!(
        tx,
        "UPDATE subscriptions SET status = 'pending', ended_at = NULL, erased_at = NULL, \
         requested_at = {micros new.value ->> 'requested_at'}, \
         time_zone = COALESCE(time_zone, new.value ->> 'time_zone'), \
         language = COALESCE(new.value ->> 'language', language) FROM {rows $1} AS new \
         WHERE subscriptions.id = CAST(new.value ->> 'subscription' AS BIGINT)",
        json_rows(requests)?
    )
    .execute()
    .await
}

/// Records that signups caused an email.
pub async fn set_signup_mailed(
    tx: &mut Tx,
    subscriptions: &[SubscriptionId],
    now: Timestamp,
) -> Result<(), DbError> {
    if subscriptions.is_empty() {
        return Ok(());
    }
    query!(
        tx,
        "UPDATE subscriptions SET signup_mailed_at = $2 WHERE id {in $1}",
        DbList(subscriptions),
        DbTime(now)
    )
    .execute()
    .await
}

#[derive(Serialize)]
struct NewConfirmation {
    subscription: SubscriptionId,
    with: Option<ConfirmationId>,
}

/// Adds confirmations, one per subscription. `with` is the confirmation whose link also confirms this one.
pub async fn insert_confirmations(
    tx: &mut Tx,
    of: &[(SubscriptionId, Option<ConfirmationId>)],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<HashMap<SubscriptionId, ConfirmationId>, DbError> {
    if of.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<NewConfirmation> = of
        .iter()
        .map(|(subscription, with)| NewConfirmation { subscription: *subscription, with: *with })
        .collect();
    let made: Vec<(SubscriptionId, ConfirmationId)> = query_as!(
        tx,
        "INSERT INTO confirmations (subscription_id, with_id, created_at, expires_at) \
         SELECT CAST(value ->> 'subscription' AS BIGINT), CAST(value ->> 'with' AS BIGINT), $2, $3 \
         FROM {rows $1} RETURNING subscription_id, id",
        json_rows(&rows)?,
        DbTime(now),
        DbTime(expires_at)
    )
    .fetch_all()
    .await?;
    Ok(made.into_iter().collect())
}
