//! The second factor of operators, and table `operator_recovery_codes`.

use crate::{
    db::{
        DbError, Tx,
        engine::query::{query, query_scalar},
    },
    domain::ids::OperatorId,
};

/// Turns on a second factor whose code was entered. Returns `false` if the operator has one.
pub async fn enrol(tx: &mut Tx, id: OperatorId, nonce: &str, step: i64) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE operators SET totp_nonce = $2, totp_step = $3 WHERE id = $1 AND totp_step IS NULL",
        id,
        nonce,
        step
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Removes the second factor.
pub async fn remove(tx: &mut Tx, id: OperatorId) -> Result<(), DbError> {
    query!(tx, "UPDATE operators SET totp_nonce = NULL, totp_step = NULL WHERE id = $1", id).execute().await
}

/// Records the time step of a used code. Returns `false` if that step or a later one was used.
pub async fn use_step(tx: &mut Tx, id: OperatorId, step: i64) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE operators SET totp_step = $2 WHERE id = $1 AND (totp_step IS NULL OR totp_step < $2)",
        id,
        step
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Replaces an operator's recovery codes.
pub async fn set_recovery_codes(tx: &mut Tx, id: OperatorId, hashes: &[String]) -> Result<(), DbError> {
    query!(tx, "DELETE FROM operator_recovery_codes WHERE operator_id = $1", id).execute().await?;
    for hash in hashes {
        query!(tx, "INSERT INTO operator_recovery_codes (operator_id, code_hash) VALUES ($1, $2)", id, hash)
            .execute()
            .await?;
    }
    Ok(())
}

/// Uses a recovery code. Returns `false` if there is no such code.
pub async fn use_recovery_code(tx: &mut Tx, id: OperatorId, hash: &str) -> Result<bool, DbError> {
    query!(tx, "DELETE FROM operator_recovery_codes WHERE operator_id = $1 AND code_hash = $2", id, hash)
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Returns how many recovery codes an operator has left.
pub async fn count_recovery_codes(tx: &mut Tx, id: OperatorId) -> Result<i64, DbError> {
    query_scalar!(tx, "SELECT count(*) FROM operator_recovery_codes WHERE operator_id = $1", id)
        .fetch_one()
        .await
}
