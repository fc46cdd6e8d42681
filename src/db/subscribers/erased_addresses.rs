//! Tables `erased_addresses` and `erasure_salt`: erased addresses, kept as salted hashes so that no import
//! brings them back.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
    },
    domain::subscriber::{email_address::EmailAddress, erasure::fingerprint},
    random,
};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// Returns the salt of this installation. `None` if no address was erased yet.
async fn salt(tx: &mut Tx) -> Result<Option<String>, DbError> {
    query_scalar!(tx, "SELECT salt FROM erasure_salt WHERE id = 1").fetch_optional().await
}

/// Returns which of these address keys were erased, or replaced by the reader's new address.
pub async fn among(tx: &mut Tx, keys: &[String]) -> Result<HashSet<String>, DbError> {
    Ok(found_among(tx, keys).await?.map(|(key, _)| key).collect())
}

/// Returns which of these address keys must not be emailed, even after a new signup.
pub(crate) async fn suppressed_among(tx: &mut Tx, keys: &[String]) -> Result<HashSet<String>, DbError> {
    Ok(found_among(tx, keys).await?.filter(|(_, reason)| reason.is_some()).map(|(key, _)| key).collect())
}

async fn found_among(
    tx: &mut Tx,
    keys: &[String],
) -> Result<impl Iterator<Item = (String, Option<String>)>, DbError> {
    let mut by_print: HashMap<String, String> = HashMap::new();
    if let Some(salt) = salt(tx).await? {
        by_print.extend(keys.iter().map(|key| (fingerprint(&salt, key), key.clone())));
    }
    let prints: Vec<&str> = by_print.keys().map(String::as_str).collect();
    let found: Vec<(String, Option<String>)> = if prints.is_empty() {
        Vec::new()
    } else {
        query_as!(
            tx,
            "SELECT address_hash, reason FROM erased_addresses WHERE address_hash {in $1}",
            DbList(&prints)
        )
        .fetch_all()
        .await?
    };
    Ok(found
        .into_iter()
        .filter_map(move |(address_hash, reason)| Some((by_print.remove(&address_hash)?, reason))))
}

/// Returns why an erased address must not be emailed. `None` if it may.
pub(crate) async fn reason(
    tx: &mut Tx,
    salt: &str,
    address: &EmailAddress,
) -> Result<Option<String>, DbError> {
    let found: Option<Option<String>> = query_scalar!(
        tx,
        "SELECT reason FROM erased_addresses WHERE address_hash = $1",
        fingerprint(salt, &address.key())
    )
    .fetch_optional()
    .await?;
    Ok(found.flatten())
}

/// Lets these addresses sign up again. Returns the keys of those that could not.
pub(crate) async fn lift(tx: &mut Tx, keys: &[String]) -> Result<HashSet<String>, DbError> {
    let suppressed = suppressed_among(tx, keys).await?;
    let Some(salt) = salt(tx).await? else { return Ok(suppressed) };
    let prints: Vec<String> = suppressed.iter().map(|key| fingerprint(&salt, key)).collect();
    query!(tx, "UPDATE erased_addresses SET reason = NULL WHERE address_hash {in $1}", DbList(&prints))
        .execute()
        .await?;
    Ok(suppressed)
}

/// Records the hash of an address. Keeps the reason of its suppression, without the relay's words.
pub async fn insert(tx: &mut Tx, address: &EmailAddress, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO erasure_salt (id, salt) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        random::hex::<32>()
    )
    .execute()
    .await?;
    let salt = salt(tx).await?.ok_or(DbError::RowNotFound)?;
    let reason: Option<String> =
        query_scalar!(tx, "SELECT reason FROM suppressions WHERE address_key = $1", address.key())
            .fetch_optional()
            .await?;
    let reason = reason.map(|it| it.split(':').next().unwrap_or_default().trim().to_owned());
    query!(
        tx,
        "INSERT INTO erased_addresses (address_hash, reason, erased_at) VALUES ($1, $2, $3) ON CONFLICT \
         (address_hash) \
         DO UPDATE SET reason = COALESCE(excluded.reason, erased_addresses.reason), erased_at = \
         excluded.erased_at",
        fingerprint(&salt, &address.key()),
        reason,
        DbTime(now)
    )
    .execute()
    .await
}
