//! An operator's address is added: notices go there from now on.

use crate::{
    actions::Context,
    db::{DbError, operators},
    domain::subscriber::email_address::EmailAddress,
};

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
pub async fn add_operator(context: &Context, address: &EmailAddress) -> Result<Added, DbError> {
    let mut tx = context.db.begin().await?;
    let full = operators::list(&mut tx).await?.len() >= MOST_OPERATORS;
    let new = operators::insert(&mut tx, address, context.clock.now()).await?;
    Ok(match (new, full) {
        (false, _) => Added::Known,
        // Dropped without a commit, the transaction leaves no trace.
        (true, true) => Added::TooMany,
        (true, false) => {
            tx.commit().await?;
            Added::New
        }
    })
}
