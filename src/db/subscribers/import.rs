//! Readers taken over from other systems, thousands in a statement.

use crate::{
    db::{
        DbError, EngineTx, Stamp, Tx,
        consent::chain::{last_event, put_off_links},
        engine::query::{json_rows, query},
        subscribers::confirmations::subscribers,
    },
    domain::{
        ids::{NewsletterId, SubscriberId, SubscriptionId},
        subscriber::{
            consent::ConsentEvent, email_address::EmailAddress, preferences::Preferences,
            subscription::SubscriptionStatus,
        },
    },
};
use jiff::{Timestamp, civil::Date};
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// What is known of an address before an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAddress {
    /// The subscription to the newsletter, and where it stands.
    pub subscription: Option<(SubscriptionId, SubscriptionStatus)>,
    /// When it was last asked for here.
    pub requested_here_at: Option<Timestamp>,
    /// When it was confirmed, if the reader did so here.
    pub confirmed_here_at: Option<Timestamp>,
    /// The reader left, here or elsewhere, and has not confirmed here since.
    pub has_left: bool,
    /// Nobody may mail the address.
    pub suppressed: bool,
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    place: i64,
    subscription_id: Option<i64>,
    status: Option<String>,
    requested_at: Option<Stamp>,
    confirmed_at: Option<Stamp>,
    method: Option<String>,
    last: Option<String>,
    kept_out: bool,
    suppressed: bool,
}

/// A subscription to be made, of a reader who may be known already.
#[derive(Debug, Clone)]
pub struct NewSubscription<'a> {
    /// Whose.
    pub address: &'a EmailAddress,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the reader chose.
    pub choices: &'a Preferences,
    /// Until which day they rest, and when that begins.
    pub rests: Option<(Date, Timestamp)>,
    /// The language they read in, by its tag, if it is known.
    pub language: Option<&'a str>,
}

/// An entry of the consent ledger about something that happened elsewhere.
#[derive(Debug, Clone)]
pub struct ImportedConsent<'a> {
    /// Whose.
    pub subscription: SubscriptionId,
    /// Their address, as the list has it.
    pub address: &'a str,
    /// What happened.
    pub event: ConsentEvent,
    /// When.
    pub occurred_at: Timestamp,
    /// From which IP address.
    pub client_address: Option<&'a str>,
}

/// What is known of these addresses, by their places in the list; of those that are missing, nothing.
pub async fn known_addresses(
    tx: &mut Tx,
    newsletter: NewsletterId,
    keys: &[String],
) -> Result<HashMap<usize, KnownAddress>, DbError> {
    macro_rules! known {
        ($conn:ident, $list:literal, $bind:expr) => {
            sqlx::query_as(concat!(
                "SELECT CAST(k.place AS BIGINT) AS place, s.id AS subscription_id, s.status, s.requested_at, \
                 s.confirmed_at, (SELECT e.method FROM consent_events e WHERE e.subscription_id = s.id \
                 AND e.kind = 'confirmed' ORDER BY e.id DESC LIMIT 1) AS method, (SELECT e.kind \
                 FROM consent_events e WHERE e.subscription_id = s.id \
                 AND e.kind IN ('confirmed', 'unsubscribed') ORDER BY e.id DESC \
                 LIMIT 1) AS last, x.address_key IS NOT NULL AS kept_out, p.address_key IS NOT NULL AS \
                 suppressed FROM ",
                $list,
                " LEFT JOIN subscribers r ON r.address_key = k.value LEFT \
                 JOIN subscriptions s ON s.subscriber_id = r.id AND s.newsletter_id = $2 LEFT \
                 JOIN suppressions p ON p.address_key = k.value LEFT \
                 JOIN newsletter_suppressions x ON x.newsletter_id = $2 AND x.address_key = k.value \
                 WHERE s.id IS NOT NULL OR p.address_key IS NOT NULL OR x.address_key IS NOT NULL"
            ))
            .bind($bind)
            .bind(newsletter.0)
            .fetch_all($conn)
            .await
        };
    }
    let rows: Vec<KnownRow> = match tx.by_engine() {
        EngineTx::Sqlite(conn) => {
            known!(conn, "(SELECT key AS place, value FROM json_each($1)) k", json_rows(&keys)?)?
        }
        EngineTx::Postgres(conn) => {
            known!(conn, "unnest($1::text[]) WITH ORDINALITY AS k (value, place)", keys.to_vec())?
        }
    };
    // PostgreSQL counts from one.
    let first = match tx.by_engine() {
        EngineTx::Sqlite(_) => 0,
        EngineTx::Postgres(_) => 1,
    };
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows {
        let Ok(place) = usize::try_from(row.place - first) else { continue };
        let decode = |error| DbError::ColumnDecode { index: "status".into(), source: Box::new(error) };
        let status = row.status.map(SubscriptionStatus::try_from).transpose().map_err(decode)?;
        let here = row.method.is_some_and(|method| method != "import");
        known.insert(
            place,
            KnownAddress {
                subscription: row.subscription_id.map(SubscriptionId).zip(status),
                requested_here_at: row.requested_at.map(|at| at.0),
                has_left: row.kept_out
                    || row.last.is_some_and(|kind| kind == ConsentEvent::Unsubscribed.as_str()),
                confirmed_here_at: row.confirmed_at.map(|at| at.0).filter(|_| here),
                suppressed: row.suppressed,
            },
        );
    }
    Ok(known)
}

/// Makes subscriptions, and subscribers where they are new. Where there is one already, it stays as it is: somebody was
/// quicker. Returns those made, by the places in the list.
pub async fn insert_imported(
    tx: &mut Tx,
    newsletter: NewsletterId,
    new: &[NewSubscription<'_>],
    now: Timestamp,
) -> Result<HashMap<usize, SubscriptionId>, DbError> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    match tx.by_engine() {
        EngineTx::Sqlite(conn) => insert_alone(conn, newsletter, new, now).await,
        EngineTx::Postgres(_) => insert_among_others(tx, newsletter, new, now).await,
    }
}

macro_rules! insert_subscriptions {
    ($subscriber:literal, $before:literal, $from:literal) => {
        concat!(
            "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at, confirmed_at, \
             ended_at, resumes_at, cadence, sections, time_zone, send_time, paused_until, language) SELECT ", $subscriber, ", $1, value ->> 1, ",
            $before, "CAST(value ->> 2 AS BIGINT), ",
            $before, "CAST(value ->> 3 AS BIGINT), ",
            $before, "CAST(value ->> 4 AS BIGINT), ",
            $before, "CAST(value ->> 5 AS BIGINT), ",
            "value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11 FROM ",
            $from
        )
    };
}

/// On SQLite, where nobody else writes meanwhile: rows get their numbers one after the other, in the order of the list, so that none
/// has to be handed back.
async fn insert_alone(
    conn: &mut SqliteConnection,
    newsletter: NewsletterId,
    new: &[NewSubscription<'_>],
    now: Timestamp,
) -> Result<HashMap<usize, SubscriptionId>, DbError> {
    let keys: Vec<String> = new.iter().map(|it| it.address.key()).collect();
    let mut addresses: Vec<_> = keys.iter().zip(new).map(|(key, it)| (key, it.address.as_str())).collect();
    // Neighbours in the index one after the other.
    addresses.sort_unstable();
    sqlx::query(
        "INSERT INTO subscribers (address, address_key, created_at) SELECT value ->> 1, value ->> 0, $2 \
         FROM json_each($1) WHERE true ON CONFLICT (address_key) DO NOTHING",
    )
    .bind(json_rows(&addresses)?)
    .bind(Stamp(now))
    .execute(&mut *conn)
    .await?;
    let before: Option<i64> =
        sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'subscriptions'")
            .fetch_optional(&mut *conn)
            .await?;
    let rows: Vec<_> = new.iter().zip(&keys).map(|(it, key)| row(it, key)).collect();
    // The list comes first in the join, and goes through in its order.
    let made = sqlx::query(insert_subscriptions!(
        "r.id",
        "",
        "json_each($2) CROSS JOIN subscribers r WHERE r.address_key = value ->> 0"
    ))
    .bind(newsletter.0)
    .bind(json_rows(&rows)?)
    .execute(conn)
    .await?;
    if made.rows_affected() != new.len() as u64 {
        return Err(DbError::RowNotFound);
    }
    let first = before.unwrap_or_default() + 1;
    Ok((0..new.len()).zip(first..).map(|(place, id)| (place, SubscriptionId(id))).collect())
}

/// On PostgreSQL, where others may make the same at the same time.
async fn insert_among_others(
    tx: &mut Tx,
    newsletter: NewsletterId,
    new: &[NewSubscription<'_>],
    now: Timestamp,
) -> Result<HashMap<usize, SubscriptionId>, DbError> {
    let addresses: Vec<&EmailAddress> = new.iter().map(|it| it.address).collect();
    let subscribers = subscribers(tx, &addresses, now).await?;
    let rows: Vec<_> = new.iter().zip(&subscribers).map(|(it, subscriber)| row(it, subscriber.0)).collect();
    let query = insert_subscriptions!(
        "CAST(value ->> 0 AS BIGINT)",
        "TIMESTAMPTZ 'epoch' + INTERVAL '1 microsecond' * ",
        "json_array_elements($2::json) ON CONFLICT (subscriber_id, newsletter_id) DO NOTHING RETURNING subscriber_id, id"
    );
    let EngineTx::Postgres(conn) = tx.by_engine() else { return Ok(HashMap::new()) };
    let made: Vec<(i64, i64)> =
        sqlx::query_as(query).bind(newsletter.0).bind(json_rows(&rows)?).fetch_all(conn).await?;
    let made: HashMap<i64, i64> = made.into_iter().collect();
    let made_at = |(place, subscriber): (usize, &SubscriberId)| {
        made.get(&subscriber.0).map(|id| (place, SubscriptionId(*id)))
    };
    Ok(subscribers.iter().enumerate().filter_map(made_at).collect())
}

/// A subscription as the statements take it; `whose` tells its subscriber.
fn row<'a, W: serde::Serialize>(it: &NewSubscription<'a>, whose: W) -> impl serde::Serialize + use<'a, W> {
    let micros = |at: Option<Timestamp>| at.map(Timestamp::as_microsecond);
    (
        whose,
        it.status.as_str(),
        it.requested_at.as_microsecond(),
        micros(it.confirmed_at),
        micros(it.ended_at),
        micros(it.rests.map(|(_, resumes_at)| resumes_at)),
        it.choices.cadence.as_str(),
        it.choices.sections.to_string(),
        it.choices.time_zone_name(),
        it.choices.send_time_text(),
        it.rests.map(|(until, _)| until.to_string()),
        it.language,
    )
}

/// Gives a transaction that takes very many rows in more room for pages of the database: with the usual two megabytes SQLite would
/// read most of its indexes anew for every row.
pub async fn prepare_import(tx: &mut Tx) -> Result<(), DbError> {
    match tx.by_engine() {
        EngineTx::Sqlite(conn) => sqlx::query("PRAGMA cache_size = -32768").execute(conn).await.map(drop),
        EngineTx::Postgres(_) => Ok(()),
    }
}

/// Makes a pending subscription active, or paused, on the word of another system. What was chosen here holds; a language that is not
/// known here is taken. `false`: it was not pending.
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
        id.0,
        new.status.as_str(),
        Stamp(confirmed_at),
        new.rests.map(|(until, _)| until.to_string()),
        new.rests.map(|(_, resumes_at)| Stamp(resumes_at)),
        new.language
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Ends a subscription because of what another system says. `false`: it had ended already.
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
        id.0,
        status.as_str(),
        Stamp(now)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Adds entries to the consent ledger about what happened elsewhere. They get their links in the chain later.
/// `source`: the file they stand in, and when that was read.
pub async fn record_imported(
    tx: &mut Tx,
    events: &[ImportedConsent<'_>],
    source: &str,
) -> Result<(), DbError> {
    if events.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = events
        .iter()
        .map(|it| {
            let occurred = it.occurred_at.as_microsecond();
            (it.subscription.0, it.event.as_str(), occurred, it.client_address, it.address)
        })
        .collect();
    macro_rules! insert {
        ($conn:ident, $list:literal, $before:literal) => {
            sqlx::query(concat!(
                "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, client_address, \
                 source_url, address) SELECT CAST(value ->> 0 AS BIGINT), value ->> 1, ",
                $before,
                "CAST(value ->> 2 AS BIGINT), 'import', value ->> 3, $2, value ->> 4 FROM ",
                $list
            ))
            .bind(json_rows(&rows)?)
            .bind(source)
            .execute($conn)
            .await
            .map(drop)?
        };
    }
    let before = last_event(tx).await?;
    match tx.by_engine() {
        EngineTx::Sqlite(conn) => insert!(conn, "json_each($1)", ""),
        EngineTx::Postgres(conn) => insert!(
            conn,
            "json_array_elements($1::json)",
            "TIMESTAMPTZ 'epoch' + INTERVAL '1 microsecond' * "
        ),
    }
    put_off_links(tx, before).await
}
