//! Adds an operator's address, which gets notices from now on.

use crate::{
    actions::Context,
    db::{DbError, audit, operators},
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
};
use serde_json::{Value, json};

/// Most operators. Each gets every notice, enqueued in the transaction of the event.
pub const MOST_OPERATORS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddOutcome {
    New,
    /// The address was on the list already.
    Known,
    /// The list has [`MOST_OPERATORS`] addresses.
    TooMany,
}

pub async fn add_operator(
    context: &Context,
    actor: &Actor,
    address: &EmailAddress,
) -> Result<AddOutcome, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let full = operators::list(&mut tx).await?.len() >= MOST_OPERATORS;
    let new = operators::insert(&mut tx, address, now).await?;
    Ok(match (new, full) {
        (None, _) => AddOutcome::Known,
        // Without a commit the transaction is rolled back.
        (Some(_), true) => AddOutcome::TooMany,
        (Some(id), false) => {
            let entry = audit::Entry {
                actor,
                action: "operator.add",
                subject: Some(id.0),
                before: Value::Null,
                after: json!({ "address": address.masked() }),
            };
            audit::record(&mut tx, entry, now).await?;
            tx.commit().await?;
            AddOutcome::New
        }
    })
}
