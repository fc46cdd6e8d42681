//! A reader asks to be forgotten.

use crate::{
    actions::Context,
    db::{
        DbError,
        subscribers::{self, Evidence, data_export, erasure},
    },
    domain::subscriber::{consent::ConsentEvent, email_address::EmailAddress},
};

/// What a wish to be forgotten led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgetting {
    /// Nothing was held about this address.
    Unknown,
    /// They get no more mail, but one is in flight, whose answer is still to be written down: ask again in a minute.
    InFlight,
    /// It is done.
    Done,
}

/// Ends all subscriptions of an address and erases what is held about the reader. A salted hash is kept, so that no import brings
/// the address back; the reader themselves may sign up again.
pub async fn forget(context: &Context, address: &EmailAddress) -> Result<Forgetting, DbError> {
    let now = context.clock.now();
    if data_export::read(&mut context.db.read().await?, address, now).await?.is_none() {
        return Ok(Forgetting::Unknown);
    }
    // First the end, in a transaction of its own: after it nothing more is begun for this reader.
    let mut tx = context.db.begin().await?;
    for it in subscribers::of_address(&mut tx, address).await? {
        if subscribers::end(&mut tx, it.id, now).await? {
            let nobody = Evidence::default();
            let left = ConsentEvent::Unsubscribed;
            subscribers::record_consent(&mut tx, it.id, left, "forget", &nobody, now).await?;
        }
    }
    tx.commit().await?;
    let mut tx = context.db.begin().await?;
    if !erasure::forget(&mut tx, address, now).await? {
        return Ok(Forgetting::InFlight);
    }
    tx.commit().await?;
    Ok(Forgetting::Done)
}
