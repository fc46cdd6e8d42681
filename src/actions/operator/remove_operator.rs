//! Removes an operator's address, which no longer gets notices.

use crate::{
    actions::Context,
    db::{DbError, audit, operators},
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
};
use serde_json::{Value, json};

/// Removes an address. `false` if it was not on the list.
pub async fn remove_operator(
    context: &Context,
    actor: &Actor,
    address: &EmailAddress,
) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let Some(id) = operators::remove(&mut tx, address).await? else { return Ok(false) };
    let entry = audit::Entry {
        actor,
        action: "operator.remove",
        subject: Some(id.0),
        before: json!({ "address": address.masked() }),
        after: Value::Null,
    };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    tx.commit().await?;
    Ok(true)
}
