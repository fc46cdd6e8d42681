//! Tables `suppressions`, the addresses that must not be emailed, and `newsletter_suppressions`, the
//! addresses that imports leave out of one newsletter.

pub mod lifting;

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
        subscribers::erased_addresses,
    },
    domain::{
        ids::{IssueId, NewsletterId, SubscriptionId},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;
use std::collections::HashSet;

/// Returns why an address must not be emailed, if so. Erased addresses stay suppressed. The work is the same
/// for every address, so its duration reveals nothing.
pub async fn reason(tx: &mut Tx, address: &EmailAddress) -> Result<Option<String>, DbError> {
    let (reason, salt): (Option<String>, Option<String>) = query_as!(
        tx,
        "SELECT (SELECT reason FROM suppressions WHERE address_key = $1), (SELECT salt FROM erasure_salt \
         WHERE id = 1)",
        address.key()
    )
    .fetch_one()
    .await?;
    let Some(salt) = salt else { return Ok(reason) };
    let of_erased = erased_addresses::reason(tx, &salt, address).await?;
    Ok(reason.or(of_erased))
}

/// Returns which of these address keys must not be emailed. Erased addresses stay suppressed.
pub async fn among(tx: &mut Tx, keys: &[String]) -> Result<HashSet<String>, DbError> {
    let found: Vec<String> =
        query_scalar!(tx, "SELECT address_key FROM suppressions WHERE address_key {in $1}", DbList(keys))
            .fetch_all()
            .await?;
    let mut suppressed: HashSet<String> = found.into_iter().collect();
    suppressed.extend(erased_addresses::suppressed_among(tx, keys).await?);
    Ok(suppressed)
}

/// The suppression of an address.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Suppression {
    pub reason: String,
    pub created_at: DbTime,
}

/// Returns the suppression of an address, if there is one.
pub async fn get_by_address(tx: &mut Tx, address: &EmailAddress) -> Result<Option<Suppression>, DbError> {
    query_as!(tx, "SELECT reason, created_at FROM suppressions WHERE address_key = $1", address.key())
        .fetch_optional()
        .await
}

/// A suppressed address.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct SuppressedAddress {
    pub address_key: String,
    pub reason: String,
    pub created_at: DbTime,
}

/// Returns a page of the suppressed addresses after a row, latest first.
pub async fn page(
    tx: &mut Tx,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<Vec<SuppressedAddress>, DbError> {
    let Some((at, key)) = after else {
        return query_as!(
            tx,
            "SELECT address_key, reason, created_at FROM suppressions ORDER BY created_at DESC, address_key DESC LIMIT $1",
            limit
        )
        .fetch_all()
        .await;
    };
    query_as!(
        tx,
        "SELECT address_key, reason, created_at FROM suppressions WHERE (created_at, address_key) < ($1, $2) \
         ORDER BY created_at DESC, address_key DESC LIMIT $3",
        DbTime(at),
        key,
        limit
    )
    .fetch_all()
    .await
}

/// Counts the suppressed addresses, without those of erased readers.
pub async fn count(tx: &mut Tx) -> Result<i64, DbError> {
    query_scalar!(tx, "SELECT count(*) FROM suppressions").fetch_one().await
}

/// An address to keep out of a newsletter.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NewSuppression {
    pub address_key: String,
    pub reason: String,
}

/// Keeps addresses out of a newsletter: imports don't make them active until their readers confirm here.
/// Existing rows stay as they are.
pub async fn add_for_newsletter(
    tx: &mut Tx,
    newsletter: NewsletterId,
    addresses: &[NewSuppression],
    now: Timestamp,
) -> Result<(), DbError> {
    if addresses.is_empty() {
        return Ok(());
    }
    query!(
        tx,
        "INSERT INTO newsletter_suppressions (newsletter_id, address_key, reason, created_at) \
         SELECT $2, value ->> 'address_key', value ->> 'reason', $3 FROM {rows $1} WHERE true \
         ON CONFLICT (newsletter_id, address_key) DO NOTHING",
        json_rows(addresses)?,
        newsletter,
        DbTime(now)
    )
    .execute()
    .await
}

/// A newsletter that imports can't add an address to.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct NewsletterSuppression {
    pub newsletter: String,
    pub reason: String,
    pub created_at: DbTime,
}

/// Returns the newsletters that imports can't add this address to.
pub async fn newsletters_for_address(
    tx: &mut Tx,
    address: &EmailAddress,
) -> Result<Vec<NewsletterSuppression>, DbError> {
    query_as!(
        tx,
        "SELECT n.slug AS newsletter, x.reason, x.created_at FROM newsletter_suppressions x \
         JOIN newsletters n ON n.id = x.newsletter_id WHERE x.address_key = $1 ORDER BY n.slug",
        address.key()
    )
    .fetch_all()
    .await
}

/// Lifts the suppression of a reader who has confirmed a subscription, and lets imports add the reader to the
/// newsletter again.
pub async fn lift(tx: &mut Tx, subscription: SubscriptionId) -> Result<(), DbError> {
    query!(
        tx,
        "DELETE FROM suppressions WHERE address_key = (SELECT r.address_key FROM subscribers r \
         JOIN subscriptions s ON s.subscriber_id = r.id WHERE s.id = $1)",
        subscription
    )
    .execute()
    .await?;
    query!(
        tx,
        "DELETE FROM newsletter_suppressions WHERE newsletter_id = (SELECT newsletter_id FROM subscriptions \
         WHERE id = $1) AND address_key = (SELECT r.address_key FROM subscribers r \
         JOIN subscriptions s ON s.subscriber_id = r.id WHERE s.id = $1)",
        subscription
    )
    .execute()
    .await
}

/// An address to suppress because it bounces, here or elsewhere.
#[derive(Debug, Clone, serde::Serialize)]
pub struct BouncedAddress {
    pub address_key: String,
    pub reason: String,
    /// The issue whose copy bounced last.
    pub issue: Option<IssueId>,
}

/// Suppresses addresses that bounce, and ends their readers' subscriptions as undeliverable. Their readers can
/// undo it by confirming a new signup.
pub async fn add_bounced(tx: &mut Tx, addresses: &[BouncedAddress], now: Timestamp) -> Result<(), DbError> {
    if addresses.is_empty() {
        return Ok(());
    }
    query!(
        tx,
        "INSERT INTO suppressions (address_key, reason, created_at, issue_id) SELECT value ->> 'address_key', \
         value ->> 'reason', $2, CAST(value ->> 'issue' AS BIGINT) FROM {rows $1} WHERE true \
         ON CONFLICT (address_key) DO NOTHING",
        json_rows(addresses)?,
        DbTime(now)
    )
    .execute()
    .await?;
    let keys: Vec<&str> = addresses.iter().map(|it| it.address_key.as_str()).collect();
    query!(
        tx,
        "UPDATE subscriptions SET status = 'undeliverable', ended_at = $2, paused_until = NULL, resumes_at = \
         NULL WHERE status IN ('active', 'paused') AND subscriber_id IN (SELECT id FROM subscribers \
         WHERE address_key {in $1})",
        DbList(&keys),
        DbTime(now)
    )
    .execute()
    .await
}
