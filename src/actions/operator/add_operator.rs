//! An operator's address is added: notices go there from now on.

use crate::{
    actions::Context,
    db::{DbError, audit, operators},
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
};
use serde_json::{Value, json};

/// Most operators: each gets every notice, in the transaction of what it is about.
pub const MOST_OPERATORS: usize = 100;

/// What adding an address came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New,
    /// It was there already.
    Known,
    /// There are [`MOST_OPERATORS`] already.
    TooMany,
}

/// Adds an address.
pub async fn add_operator(
    context: &Context,
    actor: &Actor,
    address: &EmailAddress,
) -> Result<Added, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let full = operators::list(&mut tx).await?.len() >= MOST_OPERATORS;
    let new = operators::insert(&mut tx, address, now).await?;
    Ok(match (new, full) {
        (None, _) => Added::Known,
        // Without a commit the transaction is rolled back.
        (Some(_), true) => Added::TooMany,
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
            Added::New
        }
    })
}
