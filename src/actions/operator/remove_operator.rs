//! An operator's address is removed: notices no longer go there.

use crate::{
    actions::Context,
    db::{DbError, operators},
    domain::subscriber::email_address::EmailAddress,
};

/// Removes an address. `false`: it was not there.
pub async fn remove_operator(context: &Context, address: &EmailAddress) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let removed = operators::remove(&mut tx, address).await?;
    tx.commit().await?;
    Ok(removed)
}
