//! Tables `confirmations` and `consent_events`: on whose word readers are mailed.

use super::chain::link_events;
use crate::{
    db::{DbError, Stamp, Tx, on},
    domain::{
        consent::ConsentEvent,
        ids::{ConfirmationId, SubscriptionId},
    },
};
use jiff::Timestamp;

/// A confirmation link's row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConfirmationRecord {
    /// The row.
    #[sqlx(try_from = "i64")]
    pub id: ConfirmationId,
    /// What it confirms.
    #[sqlx(try_from = "i64")]
    pub subscription_id: SubscriptionId,
    /// Until when.
    pub expires_at: Stamp,
    /// When it was used.
    pub used_at: Option<Stamp>,
}

/// How a request reached us: evidence for the consent ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
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
    /// What happened.
    pub kind: String,
    /// When.
    pub occurred_at: Stamp,
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

/// Makes what a confirmation link will point at.
pub async fn insert_confirmation(
    tx: &mut Tx,
    subscription: SubscriptionId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<ConfirmationId, DbError> {
    let id: i64 = on!(tx, |conn| {
        sqlx::query_scalar(
        "INSERT INTO confirmations (subscription_id, created_at, expires_at) VALUES ($1, $2, $3) RETURNING id"
    )
    .bind(subscription.0)
    .bind(Stamp(now))
    .bind(Stamp(expires_at))
    .fetch_one(conn)
    .await?
    });
    Ok(ConfirmationId(id))
}

/// All that one link confirms: what it points at, then what the same signup asked for beside it.
pub async fn confirmed_together(tx: &mut Tx, id: ConfirmationId) -> Result<Vec<ConfirmationRecord>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
        "SELECT id, subscription_id, expires_at, used_at FROM confirmations WHERE id = $1 OR with_id = $1 ORDER BY id"
    )
    .bind(id.0)
    .fetch_all(conn)
    .await
    })
}

/// Marks a confirmation as used. `false`: it was used before.
pub async fn use_confirmation(tx: &mut Tx, id: ConfirmationId, now: Timestamp) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query("UPDATE confirmations SET used_at = $2 WHERE id = $1 AND used_at IS NULL")
        .bind(id.0)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// Adds an entry to the consent ledger, with its link in the chain and the address; a confirmation also with the mail it is about,
/// whose link was used at the same moment. The caller holds the subscription's row: it has just changed it. Signups have
/// [`super::record_requests`].
pub async fn record_consent(
    tx: &mut Tx,
    subscription: SubscriptionId,
    event: ConsentEvent,
    method: &str,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
            "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, client_address, user_agent, \
             source_url, address, confirmation_id) SELECT $1, $2, $3, $4, $5, $6, $7, \
             (SELECT r.address FROM subscribers r JOIN subscriptions s ON s.subscriber_id = r.id WHERE s.id = $1), \
             (SELECT max(c.id) FROM confirmations c WHERE c.subscription_id = $1 AND $2 = 'confirmed' AND c.used_at = $3)",
        )
        .bind(subscription.0)
        .bind(event.as_str())
        .bind(Stamp(now))
        .bind(method)
        .bind(&evidence.client_address)
        .bind(&evidence.user_agent)
        .bind(&evidence.source_url)
        .execute(conn)
        .await
        .map(drop)
    })?;
    link_events(tx, &[subscription]).await.map(drop)
}

/// The ledger of a subscription, oldest first; of a very long one the latest thousand entries.
pub async fn consent_history(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<ConsentRecord>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
        "SELECT kind, occurred_at, method, client_address, user_agent, source_url, wording_version \
         FROM (SELECT * FROM consent_events WHERE subscription_id = $1 ORDER BY id DESC LIMIT 1000) AS latest \
         ORDER BY id"
    )
    .bind(id.0)
    .fetch_all(conn)
    .await
    })
}
