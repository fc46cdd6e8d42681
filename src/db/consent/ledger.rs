//! Tables `confirmations` and `consent_events`: confirmation links, and the consent ledger.

use crate::{
    db::{
        DbError, DbTime, Tx,
        consent::chain::link_events,
        engine::query::{json_rows, query, query_as, query_scalar},
        subscribers::confirmations::insert_confirmations,
    },
    domain::{
        ids::{ConfirmationId, SubscriptionId},
        subscriber::consent::ConsentEvent,
    },
};
use jiff::{Timestamp, fmt::serde::timestamp::microsecond};
use serde::Serialize;

/// A confirmation link.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConfirmationRecord {
    pub id: ConfirmationId,
    pub subscription_id: SubscriptionId,
    pub created_at: DbTime,
    pub expires_at: DbTime,
    pub used_at: Option<DbTime>,
}

/// How a request reached Daily: evidence for the consent ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Evidence {
    /// The client's IP address.
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
    /// The page with the form.
    pub source_url: Option<String>,
}

/// An entry of the consent ledger.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ConsentRecord {
    pub kind: String,
    pub occurred_at: DbTime,
    /// Such as `form`, `json`, `link`, `one_click`, `operator` or `command`.
    pub method: String,
    /// The client's IP address.
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
    /// The page with the form.
    pub source_url: Option<String>,
    /// The version of the text that the reader agreed to.
    pub wording_version: Option<i64>,
}

/// An entry to add to the consent ledger.
#[derive(Debug, Clone, Copy)]
pub struct NewEntry<'a> {
    pub subscription: SubscriptionId,
    pub address: &'a str,
    pub occurred_at: Timestamp,
    /// Such as `form` or `link`.
    pub method: &'a str,
    pub evidence: &'a Evidence,
    /// The confirmation email it led to.
    pub confirmation: Option<ConfirmationId>,
    /// The text that the reader agreed to, with its version.
    pub wording: Option<(&'a str, i64)>,
}

/// An entry as the statement takes it.
#[derive(Serialize)]
struct Row<'a> {
    subscription: SubscriptionId,
    address: &'a str,
    #[serde(with = "microsecond::required")]
    occurred_at: Timestamp,
    method: &'a str,
    #[serde(flatten)]
    evidence: &'a Evidence,
    confirmation: Option<ConfirmationId>,
    wording: Option<&'a str>,
    wording_version: Option<i64>,
}

impl<'a> From<&NewEntry<'a>> for Row<'a> {
    fn from(it: &NewEntry<'a>) -> Self {
        Self {
            subscription: it.subscription,
            address: it.address,
            occurred_at: it.occurred_at,
            method: it.method,
            evidence: it.evidence,
            confirmation: it.confirmation,
            wording: it.wording.map(|(text, _)| text),
            wording_version: it.wording.map(|(_, version)| version),
        }
    }
}

/// The method of readers who subscribe to another newsletter on their preferences page.
pub const BY_PREFERENCES: &str = "preferences";

/// Returns whether a reader last subscribed on the preferences page.
pub async fn came_by_preferences(tx: &mut Tx, id: SubscriptionId) -> Result<bool, DbError> {
    let method: Option<String> = query_scalar!(
        tx,
        "SELECT method FROM consent_events WHERE subscription_id = $1 AND kind = 'confirmed' \
         ORDER BY id DESC LIMIT 1",
        id
    )
    .fetch_optional()
    .await?;
    Ok(method.is_some_and(|it| it == BY_PREFERENCES))
}

/// Adds a confirmation link.
pub async fn insert_confirmation(
    tx: &mut Tx,
    subscription: SubscriptionId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<ConfirmationId, DbError> {
    let made = insert_confirmations(tx, &[(subscription, None)], now, expires_at).await?;
    made.get(&subscription).copied().ok_or(DbError::RowNotFound)
}

/// Returns everything that one link confirms: its own subscription first, then those of the same signup.
pub async fn confirmed_together(tx: &mut Tx, id: ConfirmationId) -> Result<Vec<ConfirmationRecord>, DbError> {
    query_as!(
        tx,
        "SELECT id, subscription_id, created_at, expires_at, used_at FROM confirmations WHERE id = $1 \
         OR with_id = $1 ORDER BY id",
        id
    )
    .fetch_all()
    .await
}

/// Marks a confirmation as used. Returns `false` if it was used before.
pub async fn use_confirmation(tx: &mut Tx, id: ConfirmationId, now: Timestamp) -> Result<bool, DbError> {
    query!(tx, "UPDATE confirmations SET used_at = $2 WHERE id = $1 AND used_at IS NULL", id, DbTime(now))
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Adds an entry and its link in the chain, with the reader's address. A confirmation also names the
/// confirmation link used at the same time. The caller has locked the subscription's row by changing it. For
/// many entries, use [`record_consents`].
pub async fn record_consent(
    tx: &mut Tx,
    subscription: SubscriptionId,
    event: ConsentEvent,
    method: &str,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), DbError> {
    let entry: i64 = query_scalar!(
        tx,
        "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, client_address, user_agent, \
         source_url, address, confirmation_id) SELECT $1, $2, $3, $4, $5, $6, $7, (SELECT r.address \
         FROM subscribers r JOIN subscriptions s ON s.subscriber_id = r.id WHERE s.id = $1), (\
         SELECT max(c.id) FROM confirmations c WHERE c.subscription_id = $1 AND $2 = 'confirmed' \
         AND c.used_at = $3) RETURNING id",
        subscription,
        event,
        DbTime(now),
        method,
        &evidence.client_address,
        &evidence.user_agent,
        &evidence.source_url
    )
    .fetch_one()
    .await?;
    link_events(tx, &[subscription], &[entry]).await.map(drop)
}

/// Adds entries of one kind, with their links in the chain. The caller has locked the subscriptions' rows.
pub async fn record_consents(
    tx: &mut Tx,
    event: ConsentEvent,
    entries: &[NewEntry<'_>],
) -> Result<(), DbError> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row<'_>> = entries.iter().map(Row::from).collect();
    let new: Vec<i64> = query_scalar!(
        tx,
        "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, address, client_address, \
         user_agent, source_url, confirmation_id, wording, wording_version) \
         SELECT CAST(value ->> 'subscription' AS BIGINT), $2, {micros value ->> 'occurred_at'}, \
         value ->> 'method', value ->> 'address', value ->> 'client_address', value ->> 'user_agent', \
         value ->> 'source_url', CAST(value ->> 'confirmation' AS BIGINT), value ->> 'wording', \
         CAST(value ->> 'wording_version' AS BIGINT) FROM {rows $1} RETURNING id",
        json_rows(&rows)?,
        event
    )
    .fetch_all()
    .await?;
    let of: Vec<SubscriptionId> = entries.iter().map(|it| it.subscription).collect();
    link_events(tx, &of, &new).await.map(drop)
}

/// Returns the ledger of a subscription, oldest entry first. Of more than a thousand entries, only the latest
/// thousand.
pub async fn consent_history(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<ConsentRecord>, DbError> {
    query_as!(
        tx,
        "SELECT kind, occurred_at, method, client_address, user_agent, source_url, wording_version \
         FROM (SELECT * FROM consent_events WHERE subscription_id = $1 ORDER BY id DESC \
         LIMIT 1000) AS latest ORDER BY id",
        id
    )
    .fetch_all()
    .await
}
