//! Table `operators`: who is told what needs a decision.

use crate::{
    db::{DbError, Stamp, Tx, on},
    domain::subscriber::email_address::EmailAddress,
};
use jiff::Timestamp;

/// An operator.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct OperatorRecord {
    /// Where notices go.
    pub address: EmailAddress,
    /// Since when.
    pub created_at: Stamp,
}

/// All operators, in the order they were added. There are a handful.
pub async fn list(tx: &mut Tx) -> Result<Vec<OperatorRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as("SELECT address, created_at FROM operators ORDER BY id LIMIT 100")
        .fetch_all(conn)
        .await)
}

/// Adds one. `false`: the address was there already.
pub async fn insert(tx: &mut Tx, address: &EmailAddress, now: Timestamp) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO operators (address, address_key, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (address_key) DO NOTHING"
    )
    .bind(address.as_str())
    .bind(address.key())
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1))
}

/// Removes one. `false`: there was none with this address.
pub async fn remove(tx: &mut Tx, address: &EmailAddress) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query("DELETE FROM operators WHERE address_key = $1")
        .bind(address.key())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}
