//! Tables `suppressions`, addresses nobody may mail, and `newsletter_suppressions`, addresses that no list brings into a newsletter;
//! and why.

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
        ids::{DeliveryId, NewsletterId, SubscriptionId},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;
use std::collections::HashSet;

/// Why nobody may mail this address, if so; also if its reader was forgotten since. The same work for every address.
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

/// Which of these addresses, by their keys, nobody may mail; also where the reader was forgotten since.
pub async fn among(tx: &mut Tx, keys: &[String]) -> Result<HashSet<String>, DbError> {
    let found: Vec<String> =
        query_scalar!(tx, "SELECT address_key FROM suppressions WHERE address_key {in $1}", DbList(keys))
            .fetch_all()
            .await?;
    let mut suppressed: HashSet<String> = found.into_iter().collect();
    suppressed.extend(erased_addresses::suppressed_among(tx, keys).await?);
    Ok(suppressed)
}

/// Why nobody may mail an address, and since when.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Suppression {
    pub reason: String,
    pub created_at: DbTime,
}

/// The suppression of an address, if it is suppressed.
pub async fn get_by_address(tx: &mut Tx, address: &EmailAddress) -> Result<Option<Suppression>, DbError> {
    query_as!(tx, "SELECT reason, created_at FROM suppressions WHERE address_key = $1", address.key())
        .fetch_optional()
        .await
}

/// An address to suppress, by its key.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NewSuppression {
    pub address_key: String,
    pub reason: String,
}

/// Suppresses addresses, each for a reason of its own. Where one is suppressed already, that stays.
pub async fn add(tx: &mut Tx, addresses: &[NewSuppression], now: Timestamp) -> Result<(), DbError> {
    if addresses.is_empty() {
        return Ok(());
    }
    query!(
        tx,
        "INSERT INTO suppressions (address_key, reason, created_at) SELECT value ->> 'address_key', \
         value ->> 'reason', $2 \
         FROM {rows $1} WHERE true ON CONFLICT (address_key) DO NOTHING",
        json_rows(addresses)?,
        DbTime(now)
    )
    .execute()
    .await
}

/// Keeps addresses, by their keys, each with the reason, out of a newsletter: no list makes them active, until their reader confirms
/// here. Where one is kept out already, that stays.
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

/// From which newsletter an address is kept out, why, and since when.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct NewsletterSuppression {
    /// The newsletter's short name.
    pub newsletter: String,
    pub reason: String,
    pub created_at: DbTime,
}

/// From which newsletters an address is kept out.
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

/// The reader of a subscription has confirmed: its newsletter does not keep them out any more.
pub async fn lift(tx: &mut Tx, subscription: SubscriptionId) -> Result<(), DbError> {
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

/// An address that a relay refused for good.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct RefusedAddress<'a> {
    /// The delivery that keeps the relay's answer.
    pub delivery: DeliveryId,
    /// The address that was refused, by its key.
    pub address_key: &'a str,
}

/// Suppresses addresses that were refused for good, each with the relay's answer, and ends their readers'
/// subscriptions as undeliverable. Where the reader is mailed at another address by now, nothing follows: that one was not refused.
pub async fn add_undeliverable(
    tx: &mut Tx,
    refused: &[RefusedAddress<'_>],
    now: Timestamp,
) -> Result<(), DbError> {
    let rows = json_rows(refused)?;
    query!(
        tx,
        "INSERT INTO suppressions (address_key, reason, created_at) \
         SELECT r.address_key, 'undeliverable: ' || COALESCE(d.reply_text, ''), $2 FROM {rows $1} AS x \
         JOIN deliveries d ON d.id = CAST(x.value ->> 'delivery' AS BIGINT) \
         JOIN subscribers r ON r.address_key = x.value ->> 'address_key' WHERE true ON CONFLICT (address_key) DO NOTHING",
        &rows,
        DbTime(now)
    )
    .execute()
    .await?;
    query!(
        tx,
        "UPDATE subscriptions SET status = 'undeliverable', ended_at = $2, paused_until = NULL, resumes_at = \
         NULL WHERE status IN ('active', 'paused') AND subscriber_id IN (SELECT r.id FROM {rows $1} AS x \
         JOIN subscribers r ON r.address_key = x.value ->> 'address_key')",
        &rows,
        DbTime(now)
    )
    .execute()
    .await
}
