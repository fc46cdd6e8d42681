//! Erasure of a reader's data.

use crate::{
    actions::Context,
    db::{
        DbError, audit,
        subscribers::{self, Evidence, data_export, erasure},
    },
    domain::{
        actor::Actor,
        subscriber::{consent::ConsentEvent, email_address::EmailAddress},
    },
};
use serde_json::{Value, json};

/// The result of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureOutcome {
    /// There is no data about this address.
    Unknown,
    /// The subscriptions have ended, but a delivery is in flight and its result must be recorded first. Try
    /// again in a minute.
    InFlight,
    Done,
}

/// Ends all subscriptions of an address and erases the reader's data. A salted hash stays, so that no import
/// restores the address. The reader may sign up again. The audit log contains numbers only.
pub async fn erase(
    context: &Context,
    actor: &Actor,
    address: &EmailAddress,
) -> Result<ErasureOutcome, DbError> {
    let now = context.clock.now();
    if data_export::read(&mut context.db.read().await?, address, now).await?.is_none() {
        return Ok(ErasureOutcome::Unknown);
    }
    // Ending the subscriptions needs a transaction of its own: no delivery to this reader starts after it.
    let mut tx = context.db.begin().await?;
    let subscriptions = subscribers::of_address(&mut tx, address).await?;
    for it in &subscriptions {
        if subscribers::end(&mut tx, it.id, now).await? {
            let (event, evidence) = (ConsentEvent::Unsubscribed, Evidence::default());
            subscribers::record_consent(&mut tx, it.id, event, "forget", &evidence, now).await?;
        }
    }
    tx.commit().await?;
    let mut tx = context.db.begin().await?;
    if !erasure::forget(&mut tx, address, now).await? {
        return Ok(ErasureOutcome::InFlight);
    }
    let entry = audit::Entry {
        actor,
        action: "subscriber.erase",
        subject: subscriptions.first().map(|it| it.subscriber_id.0),
        before: json!({ "subscriptions": subscriptions.len() }),
        after: Value::Null,
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(ErasureOutcome::Done)
}
