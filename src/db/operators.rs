//! Table `operators`: the people to email when something needs a decision.

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
    pub address: EmailAddress,
    pub created_at: DbTime,
}

/// Returns all operators in the order they were added. There are a handful.
pub async fn list(tx: &mut Tx) -> Result<Vec<OperatorRecord>, DbError> {
    query_as!(tx, "SELECT address, created_at FROM operators ORDER BY id LIMIT 100").fetch_all().await
}

/// Adds an operator. Returns `None` if the address is there already.
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

/// Removes an operator. Returns `None` if no operator has this address.
pub async fn remove(tx: &mut Tx, address: &EmailAddress) -> Result<Option<OperatorId>, DbError> {
    query_scalar!(tx, "DELETE FROM operators WHERE address_key = $1 RETURNING id", address.key())
        .fetch_optional()
        .await
}
