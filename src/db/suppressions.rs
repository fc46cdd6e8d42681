//! Tables `suppressions`, addresses nobody may mail, and `newsletter_suppressions`, addresses that no list brings into a newsletter;
//! and why.

use crate::{
    db::{
        DbError, Stamp, Tx,
        engine::query::{json_rows, query, query_as, query_scalar},
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
        "SELECT (SELECT reason FROM suppressions WHERE address_key = $1), (SELECT salt FROM forgotten_salt \
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
    let rows: Vec<[&str; 1]> = keys.iter().map(|key| [key.as_str()]).collect();
    let found: Vec<String> = query_scalar!(
        tx,
        "SELECT address_key FROM suppressions WHERE address_key IN (SELECT value ->> 0 FROM {rows $1} )",
        json_rows(&rows)?
    )
    .fetch_all()
    .await?;
    let mut suppressed: HashSet<String> = found.into_iter().collect();
    suppressed.extend(erased_addresses::suppressed_among(tx, keys).await?);
    Ok(suppressed)
}

/// Why nobody may mail an address, and since when.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Suppression {
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: Stamp,
}

/// The suppression of an address, if it is suppressed.
pub async fn of_address(tx: &mut Tx, address: &EmailAddress) -> Result<Option<Suppression>, DbError> {
    query_as!(tx, "SELECT reason, created_at FROM suppressions WHERE address_key = $1", address.key())
        .fetch_optional()
        .await
}

/// Suppresses addresses, by their keys, each with its reason. Where one is suppressed already, that stays.
pub async fn add(tx: &mut Tx, addresses: &[(String, String)], now: Timestamp) -> Result<(), DbError> {
    if addresses.is_empty() {
        return Ok(());
    }
    query!(
        tx,
        "INSERT INTO suppressions (address_key, reason, created_at) SELECT value ->> 0, value ->> 1, $2 \
         FROM {rows $1} WHERE true ON CONFLICT (address_key) DO NOTHING",
        json_rows(addresses)?,
        Stamp(now)
    )
    .execute()
    .await
}

/// Keeps addresses, by their keys, each with the reason, out of a newsletter: no list makes them active, until their reader confirms
/// here. Where one is kept out already, that stays.
pub async fn add_for_newsletter(
    tx: &mut Tx,
    newsletter: NewsletterId,
    addresses: &[(String, String)],
    now: Timestamp,
) -> Result<(), DbError> {
    if addresses.is_empty() {
        return Ok(());
    }
    query!(
        tx,
        "INSERT INTO newsletter_suppressions (newsletter_id, address_key, reason, created_at) \
         SELECT $2, value ->> 0, value ->> 1, $3 FROM {rows $1} WHERE true \
         ON CONFLICT (newsletter_id, address_key) DO NOTHING",
        json_rows(addresses)?,
        newsletter.0,
        Stamp(now)
    )
    .execute()
    .await
}

/// From which newsletter an address is kept out, why, and since when.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct NewsletterSuppression {
    /// The newsletter's short name.
    pub newsletter: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: Stamp,
}

/// From which newsletters an address is kept out.
pub async fn of_newsletters(
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
        subscription.0
    )
    .execute()
    .await
}

/// Suppresses addresses that were refused for good, each with the delivery that was and what was said to it, and ends their readers'
/// subscriptions as undeliverable. Where the reader is mailed at another address by now, nothing follows: that one was not refused.
pub async fn add_undeliverable(
    tx: &mut Tx,
    refused: &[(DeliveryId, &str)],
    now: Timestamp,
) -> Result<(), DbError> {
    let rows: Vec<(i64, &str)> = refused.iter().map(|(id, key)| (id.0, *key)).collect();
    query!(
        tx,
        "INSERT INTO suppressions (address_key, reason, created_at) \
         SELECT r.address_key, 'undeliverable: ' || COALESCE(d.reply_text, ''), $2 FROM {rows $1} AS x \
         JOIN deliveries d ON d.id = CAST(x.value ->> 0 AS BIGINT) \
         JOIN subscribers r ON r.address_key = x.value ->> 1 WHERE true ON CONFLICT (address_key) DO NOTHING",
        json_rows(&rows)?,
        Stamp(now)
    )
    .execute()
    .await?;
    query!(
        tx,
        "UPDATE subscriptions SET status = 'undeliverable', ended_at = $2, paused_until = NULL, resumes_at = \
         NULL WHERE status IN ('active', 'paused') AND subscriber_id IN (SELECT r.id FROM {rows $1} AS x \
         JOIN subscribers r ON r.address_key = x.value ->> 1)",
        json_rows(&rows)?,
        Stamp(now)
    )
    .execute()
    .await
}
