//! Tables `confirmations` and `consent_events`: on whose word readers are mailed.

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

/// A confirmation link's row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConfirmationRecord {
    pub id: ConfirmationId,
    /// What it confirms.
    pub subscription_id: SubscriptionId,
    /// When it was made.
    pub created_at: DbTime,
    pub expires_at: DbTime,
    /// When it was used.
    pub used_at: Option<DbTime>,
}

/// How a request reached us: evidence for the consent ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Evidence {
    /// The client's IP address.
    pub client_address: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// The page the form stood on.
    pub source_url: Option<String>,
}

/// An entry of the consent ledger.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ConsentRecord {
    pub kind: String,
    pub occurred_at: DbTime,
    /// By what means: `form`, `json`, `link`, `one_click`, `command`.
    pub method: String,
    /// The client's IP address.
    pub client_address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The page the form stood on.
    pub source_url: Option<String>,
    /// The version of the text that was agreed to.
    pub wording_version: Option<i64>,
}

/// An entry to be of the consent ledger, with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct NewEntry<'a> {
    pub subscription: SubscriptionId,
    /// The address that it is about.
    pub address: &'a str,
    pub occurred_at: Timestamp,
    /// By what means.
    pub method: &'a str,
    /// How the request reached us.
    pub evidence: &'a Evidence,
    /// The mail it led to.
    pub confirmation: Option<ConfirmationId>,
    /// The text that was agreed to and its version, if one was.
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

/// By what means a reader takes another newsletter on the page of preferences, as the ledger names it.
pub const BY_PREFERENCES: &str = "preferences";

/// Whether a reader last came to a newsletter by the page of preferences.
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

/// Makes what a confirmation link will point at.
pub async fn insert_confirmation(
    tx: &mut Tx,
    subscription: SubscriptionId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<ConfirmationId, DbError> {
    let made = insert_confirmations(tx, &[(subscription, None)], now, expires_at).await?;
    made.get(&subscription).copied().ok_or(DbError::RowNotFound)
}

/// All that one link confirms: what it points at, then what the same signup asked for beside it.
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

/// Marks a confirmation as used. `false`: it was used before.
pub async fn use_confirmation(tx: &mut Tx, id: ConfirmationId, now: Timestamp) -> Result<bool, DbError> {
    query!(tx, "UPDATE confirmations SET used_at = $2 WHERE id = $1 AND used_at IS NULL", id, DbTime(now))
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Adds an entry to the consent ledger, with its link in the chain and the address; a confirmation also with the mail it is about,
/// whose link was used at the same moment. The caller holds the subscription's row: it has just changed it. Many at
/// once have [`record_consents`].
pub async fn record_consent(
    tx: &mut Tx,
    subscription: SubscriptionId,
    event: ConsentEvent,
    method: &str,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, client_address, user_agent, \
         source_url, address, confirmation_id) SELECT $1, $2, $3, $4, $5, $6, $7, (SELECT r.address \
         FROM subscribers r JOIN subscriptions s ON s.subscriber_id = r.id WHERE s.id = $1), (\
         SELECT max(c.id) FROM confirmations c WHERE c.subscription_id = $1 AND $2 = 'confirmed' \
         AND c.used_at = $3)",
        subscription,
        event,
        DbTime(now),
        method,
        &evidence.client_address,
        &evidence.user_agent,
        &evidence.source_url
    )
    .execute()
    .await?;
    link_events(tx, &[subscription]).await.map(drop)
}

/// Adds entries of one kind to the consent ledger, and their links in the chain. The caller holds the subscriptions' rows.
pub async fn record_consents(
    tx: &mut Tx,
    event: ConsentEvent,
    entries: &[NewEntry<'_>],
) -> Result<(), DbError> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row<'_>> = entries.iter().map(Row::from).collect();
    query!(
        tx,
        "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, address, client_address, \
         user_agent, source_url, confirmation_id, wording, wording_version) \
         SELECT CAST(value ->> 'subscription' AS BIGINT), $2, {micros value ->> 'occurred_at'}, \
         value ->> 'method', value ->> 'address', value ->> 'client_address', value ->> 'user_agent', \
         value ->> 'source_url', CAST(value ->> 'confirmation' AS BIGINT), value ->> 'wording', \
         CAST(value ->> 'wording_version' AS BIGINT) FROM {rows $1}",
        json_rows(&rows)?,
        event
    )
    .execute()
    .await?;
    let of: Vec<SubscriptionId> = entries.iter().map(|it| it.subscription).collect();
    link_events(tx, &of).await.map(drop)
}

/// The ledger of a subscription, oldest first; of a very long one the latest thousand entries.
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
