//! Table `operators`: who is told what needs a decision.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query_as, query_scalar},
    },
    domain::{ids::OperatorId, subscriber::email_address::EmailAddress},
};
use jiff::Timestamp;

#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct OperatorRecord {
    /// Where notices go.
    pub address: EmailAddress,
    pub created_at: DbTime,
}

/// All operators, in the order they were added. There are a handful.
pub async fn list(tx: &mut Tx) -> Result<Vec<OperatorRecord>, DbError> {
    query_as!(tx, "SELECT address, created_at FROM operators ORDER BY id LIMIT 100").fetch_all().await
}

/// Adds one. `None`: the address was there already.
pub async fn insert(
    tx: &mut Tx,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<Option<OperatorId>, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO operators (address, address_key, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (address_key) DO NOTHING RETURNING id",
        address,
        address.key(),
        DbTime(now)
    )
    .fetch_optional()
    .await
}

/// Removes one. `None`: there was none with this address.
pub async fn remove(tx: &mut Tx, address: &EmailAddress) -> Result<Option<OperatorId>, DbError> {
    query_scalar!(tx, "DELETE FROM operators WHERE address_key = $1 RETURNING id", address.key())
        .fetch_optional()
        .await
}
