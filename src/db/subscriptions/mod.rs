//! Tables `subscribers`, `subscriptions`, `confirmations` and `consent_events`: who gets what, and on
//! whose word.

mod clocks;

pub use clocks::{clock_counts, clocks};

use super::{DbError, Stamp, Tx, on};
use crate::domain::{
    consent::{ConsentEvent, SIGNUP_WORDING, SIGNUP_WORDING_VERSION},
    email_address::EmailAddress,
    ids::{ConfirmationId, NewsletterId, SubscriberId, SubscriptionId},
    subscription::SubscriptionStatus,
};
use jiff::Timestamp;

/// One subscriber's relation to one newsletter.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct SubscriptionRecord {
    /// The row.
    #[sqlx(try_from = "i64")]
    pub id: SubscriptionId,
    /// Whose.
    #[sqlx(try_from = "i64")]
    pub subscriber_id: SubscriberId,
    /// To what.
    #[sqlx(try_from = "i64")]
    pub newsletter_id: NewsletterId,
    /// The newsletter's short name.
    pub newsletter: String,
    /// The subscriber's address.
    pub address: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: SubscriptionStatus,
    /// When it was last asked for.
    pub requested_at: Stamp,
    /// When it was last confirmed.
    pub confirmed_at: Option<Stamp>,
    /// When it ended.
    pub ended_at: Option<Stamp>,
    /// When a signup last caused a mail.
    pub signup_mailed_at: Option<Stamp>,
}

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

/// Finds or makes the subscriber with this address.
pub async fn subscriber(
    tx: &mut Tx,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<SubscriberId, DbError> {
    let id: i64 = on!(tx, |conn| {
        // The update changes nothing; it makes RETURNING name the row that is there.
        sqlx::query_scalar(
            "INSERT INTO subscribers (address, address_key, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (address_key) DO UPDATE SET address_key = excluded.address_key RETURNING id",
        )
        .bind(address.as_str())
        .bind(address.key())
        .bind(Stamp(now))
        .fetch_one(conn)
        .await?
    });
    Ok(SubscriberId(id))
}

/// Finds or makes a subscription, pending if it is new. On PostgreSQL the row is locked until the transaction ends, so
/// that two signups at once for the same address take turns.
pub async fn subscription(
    tx: &mut Tx,
    subscriber: SubscriberId,
    newsletter: NewsletterId,
    now: Timestamp,
) -> Result<SubscriptionRecord, DbError> {
    let id: i64 = on!(tx, |conn| {
        sqlx::query_scalar(
            "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at) \
             VALUES ($1, $2, 'pending', $3) \
             ON CONFLICT (subscriber_id, newsletter_id) DO UPDATE SET newsletter_id = excluded.newsletter_id \
             RETURNING id",
        )
        .bind(subscriber.0)
        .bind(newsletter.0)
        .bind(Stamp(now))
        .fetch_one(conn)
        .await?
    });
    get(tx, SubscriptionId(id)).await?.ok_or(DbError::RowNotFound)
}

macro_rules! select_subscription {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.subscriber_id, s.newsletter_id, n.slug AS newsletter, r.address, s.status, s.requested_at, \
             s.confirmed_at, s.ended_at, s.signup_mailed_at FROM subscriptions s \
             JOIN subscribers r ON r.id = s.subscriber_id JOIN newsletters n ON n.id = s.newsletter_id ",
            $rest
        )
    };
}

/// The subscription with this row.
pub async fn get(tx: &mut Tx, id: SubscriptionId) -> Result<Option<SubscriptionRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_subscription!("WHERE s.id = $1"))
        .bind(id.0)
        .fetch_optional(conn)
        .await)
}

/// All subscriptions of an address.
pub async fn of_address(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<SubscriptionRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_subscription!("WHERE r.address_key = $1 ORDER BY s.id"))
        .bind(address.key())
        .fetch_all(conn)
        .await)
}

/// A page of subscriptions after `after`, in the order they were made.
pub async fn page(
    tx: &mut Tx,
    after: SubscriptionId,
    limit: i64,
) -> Result<Vec<SubscriptionRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_subscription!("WHERE s.id > $1 ORDER BY s.id LIMIT $2"))
        .bind(after.0)
        .bind(limit)
        .fetch_all(conn)
        .await)
}

/// How many readers a newsletter has.
pub async fn count_active(tx: &mut Tx, newsletter: NewsletterId) -> Result<i64, DbError> {
    on!(tx, |conn| sqlx::query_scalar(
        "SELECT count(*) FROM subscriptions WHERE newsletter_id = $1 AND status = 'active'"
    )
    .bind(newsletter.0)
    .fetch_one(conn)
    .await)
}

/// Records that a signup asks for the subscription again.
pub async fn set_requested(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE subscriptions SET status = 'pending', requested_at = $2, ended_at = NULL \
         WHERE id = $1 AND status <> 'active'"
    )
    .bind(id.0)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop))
}

/// Records that a signup caused a mail.
pub async fn set_signup_mailed(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE subscriptions SET signup_mailed_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(Stamp(now))
        .execute(conn)
        .await
        .map(drop))
}

/// Makes a pending subscription active. `false`: it was not pending. Whoever can confirm reads the mailbox: the pause between
/// mails that a signup causes, which protects strangers, begins anew.
pub async fn activate(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<bool, DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE subscriptions SET status = 'active', confirmed_at = $2, ended_at = NULL, signup_mailed_at = NULL \
         WHERE id = $1 AND status = 'pending'"
    )
    .bind(id.0)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
    })
}

/// Ends a subscription at the reader's wish. `false`: it had ended already. The pause between mails that a signup causes begins
/// anew, so that a reader who left by mistake gets a new confirmation at once.
pub async fn end(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE subscriptions SET status = 'unsubscribed', ended_at = $2, signup_mailed_at = NULL \
         WHERE id = $1 AND status NOT IN ('unsubscribed', 'complained')"
    )
    .bind(id.0)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1))
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

/// What a confirmation link points at.
pub async fn confirmation(tx: &mut Tx, id: ConfirmationId) -> Result<Option<ConfirmationRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(
        "SELECT id, subscription_id, expires_at, used_at FROM confirmations WHERE id = $1"
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await)
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

/// Adds an entry to the consent ledger. A request keeps the text that was agreed to.
pub async fn record_consent(
    tx: &mut Tx,
    subscription: SubscriptionId,
    event: ConsentEvent,
    method: &str,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), DbError> {
    let requested = event == ConsentEvent::Requested;
    on!(tx, |conn| sqlx::query(
        "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, client_address, user_agent, \
         source_url, wording, wording_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    )
    .bind(subscription.0)
    .bind(event.as_str())
    .bind(Stamp(now))
    .bind(method)
    .bind(&evidence.client_address)
    .bind(&evidence.user_agent)
    .bind(&evidence.source_url)
    .bind(requested.then_some(SIGNUP_WORDING))
    .bind(requested.then_some(SIGNUP_WORDING_VERSION))
    .execute(conn)
    .await
    .map(drop))
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
