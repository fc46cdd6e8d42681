//! Table `operator_links`: links to choose a password, once.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as},
    },
    domain::{
        ids::OperatorId,
        operator::session::{LINK, LinkPurpose},
    },
};
use jiff::Timestamp;

/// Adds a link. An operator's earlier links end.
pub async fn insert(
    tx: &mut Tx,
    token_hash: &str,
    operator: Option<OperatorId>,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<(), DbError> {
    if let Some(operator) = operator {
        end_all(tx, operator).await?;
    }
    query!(tx, "DELETE FROM operator_links WHERE expires_at <= $1", DbTime(now)).execute().await?;
    query!(
        tx,
        "INSERT INTO operator_links (token_hash, operator_id, expires_at, purpose) VALUES ($1, $2, $3, $4)",
        token_hash,
        operator,
        DbTime(now + LINK),
        purpose
    )
    .execute()
    .await
}

/// Returns the operator of a valid link: `Some(None)` for a link that makes the first account.
pub async fn get(
    tx: &mut Tx,
    token_hash: &str,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<Option<OperatorId>>, DbError> {
    let row: Option<(Option<OperatorId>,)> = query_as!(
        tx,
        "SELECT operator_id FROM operator_links WHERE token_hash = $1 AND expires_at > $2 AND purpose = $3",
        token_hash,
        DbTime(now),
        purpose
    )
    .fetch_optional()
    .await?;
    Ok(row.map(|(operator,)| operator))
}

/// Ends an operator's links.
pub async fn end_all(tx: &mut Tx, operator: OperatorId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM operator_links WHERE operator_id = $1", operator).execute().await
}

/// Uses a link, which ends it and all links that make the first account. Returns `false` if it has ended.
pub async fn redeem(tx: &mut Tx, token_hash: &str) -> Result<bool, DbError> {
    let used =
        query!(tx, "DELETE FROM operator_links WHERE token_hash = $1", token_hash).rows_affected().await? > 0;
    query!(tx, "DELETE FROM operator_links WHERE operator_id IS NULL").execute().await?;
    Ok(used)
}
