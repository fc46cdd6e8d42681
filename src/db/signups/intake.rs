//! Table `signups`: received signups that a job has not processed yet.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
        subscribers::Evidence,
    },
    domain::{
        ids::NewsletterId, signup::limits::HELD_FOR, signup_wording::SignupWording,
        subscriber::email_address::EmailAddress,
    },
};
use jiff::{SignedDuration, Timestamp, fmt::serde::timestamp::microsecond};
use serde::Serialize;

/// A signup to store.
#[derive(Debug, Clone)]
pub struct NewSignup<'a> {
    pub address: &'a EmailAddress,
    pub newsletters: &'a [NewsletterId],
    /// Such as `form` or `json`.
    pub method: &'a str,
    /// The language of the page with the form, as a BCP 47 tag.
    pub language: Option<&'a str>,
    /// The reader's time zone, as an IANA name.
    pub time_zone: Option<&'a str>,
    /// The text that the reader agreed to.
    pub wording: Option<&'static SignupWording>,
    pub evidence: &'a Evidence,
    /// Whether it is held until the attack ends.
    pub is_held: bool,
}

/// A signup to process.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SignupRecord {
    pub id: i64,
    pub received_at: DbTime,
    pub address: EmailAddress,
    newsletters: String,
    /// Such as `form` or `json`.
    pub method: String,
    /// The language of the page with the form, as a BCP 47 tag.
    pub language: Option<String>,
    /// The reader's time zone, as an IANA name.
    pub time_zone: Option<String>,
    wording: Option<String>,
    wording_version: Option<i64>,
    #[sqlx(flatten)]
    pub evidence: Evidence,
}

impl SignupRecord {
    /// Returns the newsletters signed up for.
    pub fn newsletters(&self) -> Result<Vec<NewsletterId>, DbError> {
        serde_json::from_str(&self.newsletters).map_err(|error| DbError::ColumnDecode {
            index: format!("signups.newsletters of {}", self.id),
            source: Box::new(error),
        })
    }

    /// Returns the text that the reader agreed to, with its version.
    pub fn wording(&self) -> Option<(&str, i64)> {
        self.wording.as_deref().zip(self.wording_version)
    }
}

#[derive(Serialize)]
struct Row<'a> {
    address: &'a EmailAddress,
    address_key: String,
    /// A JSON array, as in the column.
    newsletters: String,
    method: &'a str,
    language: Option<&'a str>,
    time_zone: Option<&'a str>,
    #[serde(flatten)]
    evidence: &'a Evidence,
    wording: Option<&'a str>,
    wording_version: Option<i64>,
    #[serde(with = "microsecond::optional")]
    held_until: Option<Timestamp>,
}

/// Adds signups, in order.
pub async fn insert(tx: &mut Tx, signups: &[NewSignup<'_>], now: Timestamp) -> Result<(), DbError> {
    if signups.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(signups.len());
    for it in signups {
        rows.push(Row {
            address: it.address,
            address_key: it.address.key(),
            newsletters: json_rows(it.newsletters)?,
            method: it.method,
            language: it.language,
            time_zone: it.time_zone,
            evidence: it.evidence,
            wording: it.wording.map(|it| it.text),
            wording_version: it.wording.map(|it| it.version),
            held_until: it.is_held.then_some(now + HELD_FOR),
        });
    }
    query!(
        tx,
        "INSERT INTO signups (received_at, address, address_key, newsletters, method, language, time_zone, \
         client_address, user_agent, source_url, wording, wording_version, held_until) SELECT $2, \
         value ->> 'address', value ->> 'address_key', value ->> 'newsletters', value ->> 'method', \
         value ->> 'language', value ->> 'time_zone', value ->> 'client_address', value ->> 'user_agent', \
         value ->> 'source_url', value ->> 'wording', CAST(value ->> 'wording_version' AS BIGINT), \
         {micros value ->> 'held_until'} FROM {rows $1}",
        json_rows(&rows)?,
        DbTime(now)
    )
    .execute()
    .await
}

/// Removes the oldest due signups after an id and returns them in order. Skips rows that another process has
/// locked.
pub async fn dequeue(
    tx: &mut Tx,
    after: i64,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<SignupRecord>, DbError> {
    let mut taken: Vec<SignupRecord> = query_as!(
        tx,
        "DELETE FROM signups WHERE id IN (SELECT id FROM signups WHERE id > $1 AND held_until IS NULL \
         AND (try_after IS NULL OR try_after <= $3) ORDER BY id LIMIT $2 {skip_locked}) \
         RETURNING id, received_at, address, newsletters, method, language, time_zone, wording, \
         wording_version, client_address, user_agent, source_url",
        after,
        limit,
        DbTime(now)
    )
    .fetch_all()
    .await?;
    taken.sort_unstable_by_key(|it| it.id);
    Ok(taken)
}

/// Returns the first due signup after an id.
pub async fn next(tx: &mut Tx, after: i64, now: Timestamp) -> Result<Option<i64>, DbError> {
    query_scalar!(
        tx,
        "SELECT id FROM signups WHERE id > $1 AND held_until IS NULL AND (try_after IS NULL \
         OR try_after <= $2) ORDER BY id LIMIT 1",
        after,
        DbTime(now)
    )
    .fetch_optional()
    .await
}

/// Postpones a signup that could not be processed: for ten seconds, then four times as long each time, at
/// most an hour. Returns the number of attempts.
pub async fn postpone(tx: &mut Tx, id: i64, now: Timestamp) -> Result<i64, DbError> {
    let attempts: i64 =
        query_scalar!(tx, "UPDATE signups SET attempts = attempts + 1 WHERE id = $1 RETURNING attempts", id)
            .fetch_optional()
            .await?
            .unwrap_or_default();
    let times = u32::try_from(attempts - 1).unwrap_or_default().min(5);
    let wait = SignedDuration::from_secs(10 * 4_i64.pow(times)).min(SignedDuration::from_hours(1));
    query!(tx, "UPDATE signups SET try_after = $2 WHERE id = $1", id, DbTime(now + wait)).execute().await?;
    Ok(attempts)
}

/// Returns whether due signups have waited since before a time, which means that their job was lost.
pub async fn any_before(tx: &mut Tx, moment: Timestamp, now: Timestamp) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT COALESCE((SELECT received_at < $1 FROM signups WHERE held_until IS NULL \
         AND (try_after IS NULL OR try_after <= $2) ORDER BY id LIMIT 1), false)",
        DbTime(moment),
        DbTime(now)
    )
    .fetch_one()
    .await
}

/// Erases signups received before a time that could not be processed. Returns their number.
pub async fn erase_before(tx: &mut Tx, moment: Timestamp) -> Result<u64, DbError> {
    query!(tx, "DELETE FROM signups WHERE received_at < $1 AND attempts > 0", DbTime(moment))
        .rows_affected()
        .await
}

/// Returns the first held signups, in the order they were received.
pub async fn held(tx: &mut Tx, limit: i64) -> Result<Vec<i64>, DbError> {
    query_scalar!(
        tx,
        "SELECT id FROM signups WHERE held_until IS NOT NULL ORDER BY held_until, id LIMIT $1",
        limit
    )
    .fetch_all()
    .await
}

/// Lets held signups be processed.
pub async fn release(tx: &mut Tx, ids: &[i64]) -> Result<(), DbError> {
    query!(tx, "UPDATE signups SET held_until = NULL WHERE id {in $1}", DbList(ids)).execute().await
}

/// Erases held signups whose time is up. Returns their number.
pub async fn discard_held(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    query!(tx, "DELETE FROM signups WHERE held_until <= $1", DbTime(now)).rows_affected().await
}
