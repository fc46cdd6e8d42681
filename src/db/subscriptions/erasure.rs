//! The one change that the consent ledger allows: what is personal in it goes.

use crate::{
    db::{DbError, Tx, on},
    domain::ids::SubscriptionId,
};

/// Erases what is personal in a subscription's entries. What happened and when stays.
pub async fn erase_evidence(tx: &mut Tx, id: SubscriptionId) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
            "UPDATE consent_events SET client_address = NULL, user_agent = NULL, source_url = NULL \
             WHERE subscription_id = $1",
        )
        .bind(id.0)
        .execute(conn)
        .await
        .map(drop)
    })
}
