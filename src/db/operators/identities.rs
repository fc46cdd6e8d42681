//! Accounts at an OpenID provider that sign in as operators.

use crate::{
    db::{DbError, Tx, engine::query::query},
    domain::{ids::OperatorId, operator::oidc::Identity},
};

/// Binds an account to an operator. Returns `false` if another account of the same provider is bound. An account at a
/// former provider is replaced.
pub async fn bind(tx: &mut Tx, id: OperatorId, identity: &Identity) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE operators SET oidc_issuer = $2, oidc_subject = $3 \
         WHERE id = $1 AND (oidc_issuer IS NULL OR oidc_issuer <> $2)",
        id,
        identity.issuer.as_str(),
        identity.subject.as_str()
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Forgets an operator's account. Returns `false` if none is bound.
pub async fn forget(tx: &mut Tx, id: OperatorId) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE operators SET oidc_issuer = NULL, oidc_subject = NULL WHERE id = $1 AND oidc_issuer IS NOT NULL",
        id
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}
