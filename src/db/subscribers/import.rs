//! Imports of readers from other systems, thousands in a statement.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        consent::chain::{defer_links, last_event},
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
        subscribers::confirmations::{Address, subscribers},
    },
    domain::{
        ids::{NewsletterId, SubscriberId, SubscriptionId},
        subscriber::{
            cadence::Cadence, consent::ConsentEvent, email_address::EmailAddress, preferences::Preferences,
            subscription::SubscriptionStatus,
        },
    },
};
use jiff::{Timestamp, civil::Date, fmt::serde::timestamp::microsecond};
use serde::Serialize;
use std::collections::HashMap;

/// The facts about an address before an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAddress {
    /// The subscription to the newsletter, and its status.
    pub subscription: Option<(SubscriptionId, SubscriptionStatus)>,
    /// The last request made here.
    pub requested_here_at: Option<Timestamp>,
    /// The confirmation, if it was made here.
    pub confirmed_here_at: Option<Timestamp>,
    /// The reader unsubscribed, here or elsewhere, and has not confirmed here since.
    pub has_left: bool,
    /// The address must not be emailed.
    pub suppressed: bool,
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    value: String,
    subscription_id: Option<SubscriptionId>,
    status: Option<SubscriptionStatus>,
    requested_at: Option<DbTime>,
    confirmed_at: Option<DbTime>,
    method: Option<String>,
    last: Option<ConsentEvent>,
    kept_out: bool,
    suppressed: bool,
}

/// A subscription to add. Its reader may be known already.
#[derive(Debug, Clone)]
pub struct NewSubscription<'a> {
    pub address: &'a EmailAddress,
    pub status: SubscriptionStatus,
    pub requested_at: Timestamp,
    pub confirmed_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub choices: &'a Preferences,
    /// The date of the first issue after a pause, and when that day begins for the reader.
    pub rests: Option<(Date, Timestamp)>,
    /// A BCP 47 tag.
    pub language: Option<&'a str>,
}

/// A ledger entry about an event that happened elsewhere.
#[derive(Debug, Clone, Serialize)]
pub struct ImportedConsent<'a> {
    pub subscription: SubscriptionId,
    /// The address, as the list has it.
    pub address: &'a str,
    pub event: ConsentEvent,
    #[serde(with = "microsecond::required")]
    pub occurred_at: Timestamp,
    pub client_address: Option<&'a str>,
}

/// Returns the facts about addresses, by address key. Unknown addresses are left out.
pub async fn known_addresses(
    tx: &mut Tx,
    newsletter: NewsletterId,
    keys: &[String],
) -> Result<HashMap<String, KnownAddress>, DbError> {
    let rows: Vec<KnownRow> = query_as!(
        tx,
        "SELECT value, s.id AS subscription_id, s.status, s.requested_at, s.confirmed_at, (SELECT e.method \
         FROM consent_events e WHERE e.subscription_id = s.id AND e.kind = 'confirmed' ORDER BY e.id DESC \
         LIMIT 1) AS method, (SELECT e.kind FROM consent_events e WHERE e.subscription_id = s.id \
         AND e.kind IN ('confirmed', 'unsubscribed') ORDER BY e.id DESC LIMIT 1) AS last, \
         x.address_key IS NOT NULL AS kept_out, p.address_key IS NOT NULL AS suppressed FROM {list $1} \
         LEFT JOIN subscribers r ON r.address_key = value \
         LEFT JOIN subscriptions s ON s.subscriber_id = r.id AND s.newsletter_id = $2 \
         LEFT JOIN suppressions p ON p.address_key = value \
         LEFT JOIN newsletter_suppressions x ON x.newsletter_id = $2 AND x.address_key = value \
         WHERE s.id IS NOT NULL OR p.address_key IS NOT NULL OR x.address_key IS NOT NULL",
        DbList(keys),
        newsletter
    )
    .fetch_all()
    .await?;
    let known = |row: KnownRow| {
        let here = row.method.is_some_and(|method| method != "import");
        let known = KnownAddress {
            subscription: row.subscription_id.zip(row.status),
            requested_here_at: row.requested_at.map(|at| at.0),
            confirmed_here_at: row.confirmed_at.map(|at| at.0).filter(|_| here),
            has_left: row.kept_out || row.last == Some(ConsentEvent::Unsubscribed),
            suppressed: row.suppressed,
        };
        (row.value, known)
    };
    Ok(rows.into_iter().map(known).collect())
}

/// Adds subscriptions, and subscribers for new addresses. Subscriptions that another transaction has added
/// meanwhile stay as they are. Returns the new ones by their places in the list.
pub async fn insert_imported(
    tx: &mut Tx,
    newsletter: NewsletterId,
    new: &[NewSubscription<'_>],
    now: Timestamp,
) -> Result<HashMap<usize, SubscriptionId>, DbError> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    if tx.is_only_writer() {
        insert_alone(tx, newsletter, new, now).await
    } else {
        insert_among_others(tx, newsletter, new, now).await
    }
}

/// A row of `{rows}`.
#[derive(Serialize)]
struct Row<'a> {
    /// The subscriber's id, used on PostgreSQL.
    subscriber: Option<SubscriberId>,
    /// The subscriber's key, used on SQLite.
    address_key: String,
    status: SubscriptionStatus,
    #[serde(with = "microsecond::required")]
    requested_at: Timestamp,
    #[serde(with = "microsecond::optional")]
    confirmed_at: Option<Timestamp>,
    #[serde(with = "microsecond::optional")]
    ended_at: Option<Timestamp>,
    #[serde(with = "microsecond::optional")]
    resumes_at: Option<Timestamp>,
    cadence: Cadence,
    sections: String,
    time_zone: Option<&'a str>,
    send_time: Option<String>,
    paused_until: Option<DbDate>,
    language: Option<&'a str>,
}

impl<'a> From<&NewSubscription<'a>> for Row<'a> {
    fn from(it: &NewSubscription<'a>) -> Self {
        Self {
            subscriber: None,
            address_key: it.address.key(),
            status: it.status,
            requested_at: it.requested_at,
            confirmed_at: it.confirmed_at,
            ended_at: it.ended_at,
            resumes_at: it.rests.map(|(_, resumes_at)| resumes_at),
            cadence: it.choices.cadence,
            sections: it.choices.sections.to_string(),
            time_zone: it.choices.time_zone_name(),
            send_time: it.choices.send_time_text(),
            paused_until: it.rests.map(|(until, _)| DbDate(until)),
            language: it.language,
        }
    }
}

/// Adds subscriptions in the order of the list, which is the outer table of SQLite's join.
const INSERT_SUBSCRIPTIONS: &str = "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, \
    requested_at, \
    confirmed_at, ended_at, resumes_at, cadence, sections, time_zone, send_time, paused_until, language) \
    SELECT {sqlite r.id}{postgres CAST(value ->> 'subscriber' AS BIGINT)}, $1, value ->> 'status', \
    {micros value ->> 'requested_at'}, {micros value ->> 'confirmed_at'}, \
    {micros value ->> 'ended_at'}, {micros value ->> 'resumes_at'}, value ->> 'cadence', value ->> \
    'sections', value ->> 'time_zone', value ->> 'send_time', value ->> 'paused_until', value ->> 'language' \
    FROM {rows $2} {sqlite CROSS JOIN subscribers r WHERE r.address_key = value ->> 'address_key'}\
    {postgres ON CONFLICT (subscriber_id, newsletter_id) DO NOTHING RETURNING subscriber_id, id}";

/// Adds subscriptions on SQLite. No other transaction writes meanwhile, so ids are consecutive in the order
/// of the list, and the statement need not return them.
async fn insert_alone(
    tx: &mut Tx,
    newsletter: NewsletterId,
    new: &[NewSubscription<'_>],
    now: Timestamp,
) -> Result<HashMap<usize, SubscriptionId>, DbError> {
    let rows: Vec<Row<'_>> = new.iter().map(Row::from).collect();
    let mut addresses: Vec<Address<'_>> = rows
        .iter()
        .zip(new)
        .map(|(row, it)| Address { key: &row.address_key, address: it.address.as_str() })
        .collect();
    // Sorted, so that neighbouring rows share pages of the index.
    addresses.sort_unstable();
    query!(
        tx,
        "INSERT INTO subscribers (address, address_key, created_at) SELECT value ->> 'address', value ->> \
         'key', $2 FROM {rows $1} WHERE true ON CONFLICT (address_key) DO NOTHING",
        json_rows(&addresses)?,
        DbTime(now)
    )
    .execute()
    .await?;
    let before: Option<i64> =
        query_scalar!(tx, "SELECT seq FROM sqlite_sequence WHERE name = 'subscriptions'")
            .fetch_optional()
            .await?;
    let made = query!(tx, INSERT_SUBSCRIPTIONS, newsletter, json_rows(&rows)?).rows_affected().await?;
    if made != new.len() as u64 {
        return Err(DbError::RowNotFound);
    }
    let first = before.unwrap_or_default() + 1;
    Ok((0..new.len()).zip((first..).map(SubscriptionId)).collect())
}

/// Adds subscriptions on PostgreSQL, where other transactions may add the same ones.
async fn insert_among_others(
    tx: &mut Tx,
    newsletter: NewsletterId,
    new: &[NewSubscription<'_>],
    now: Timestamp,
) -> Result<HashMap<usize, SubscriptionId>, DbError> {
    let addresses: Vec<&EmailAddress> = new.iter().map(|it| it.address).collect();
    let subscribers = subscribers(tx, &addresses, now).await?;
    let rows: Vec<Row<'_>> =
        new.iter().zip(&subscribers).map(|(it, id)| Row { subscriber: Some(*id), ..it.into() }).collect();
    let made: Vec<(SubscriberId, SubscriptionId)> =
        query_as!(tx, INSERT_SUBSCRIPTIONS, newsletter, json_rows(&rows)?).fetch_all().await?;
    let made: HashMap<SubscriberId, SubscriptionId> = made.into_iter().collect();
    let places = subscribers.iter().enumerate();
    Ok(places.filter_map(|(place, subscriber)| Some((place, *made.get(subscriber)?))).collect())
}

/// Gives SQLite a larger page cache for a transaction with very many rows. With the default of two megabytes
/// it would read most index pages again for every row.
pub async fn prepare_import(tx: &mut Tx) -> Result<(), DbError> {
    if tx.is_only_writer() {
        query!(tx, "PRAGMA cache_size = -32768").execute().await?;
    }
    Ok(())
}

/// Activates a pending subscription, or pauses it, because another system says so. Preferences chosen here
/// stay; the language is set if it is unknown. Returns `false` if the subscription is not pending.
pub async fn activate_imported(
    tx: &mut Tx,
    id: SubscriptionId,
    new: &NewSubscription<'_>,
    confirmed_at: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = $2, confirmed_at = $3, ended_at = NULL, erased_at = NULL, \
         signup_mailed_at = NULL, paused_until = $4, resumes_at = $5, language = COALESCE(language, $6) \
         WHERE id = $1 AND status = 'pending'",
        id,
        new.status,
        DbTime(confirmed_at),
        new.rests.map(|(until, _)| DbDate(until)),
        new.rests.map(|(_, resumes_at)| DbTime(resumes_at)),
        new.language
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Ends a subscription because another system says so. Returns `false` if it had ended already.
pub async fn end_imported(
    tx: &mut Tx,
    id: SubscriptionId,
    status: SubscriptionStatus,
    now: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET status = $2, ended_at = $3, paused_until = NULL, resumes_at = NULL \
         WHERE id = $1 AND status IN ('pending', 'active', 'paused')",
        id,
        status,
        DbTime(now)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Adds ledger entries about events that happened elsewhere. Their links in the chain are added later.
/// `source` is the imported file and the time it was read.
pub async fn record_imported(
    tx: &mut Tx,
    events: &[ImportedConsent<'_>],
    source: &str,
) -> Result<(), DbError> {
    if events.is_empty() {
        return Ok(());
    }
    let before = last_event(tx).await?;
    query!(
        tx,
        "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, client_address, source_url, \
         address) SELECT CAST(value ->> 'subscription' AS BIGINT), value ->> 'event', \
         {micros value ->> 'occurred_at'}, 'import', value ->> 'client_address', $2, value ->> 'address' \
         FROM {rows $1}",
        json_rows(events)?,
        source
    )
    .execute()
    .await?;
    defer_links(tx, before).await
}
