//! A reader asks to be forgotten.

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

/// Ends all subscriptions of an address and erases the reader's data. A salted hash is kept, so that no import brings the address
/// back. The reader may sign up again. The audit log gets numbers only.
pub async fn forget(context: &Context, actor: &Actor, address: &EmailAddress) -> Result<Forgetting, DbError> {
    let now = context.clock.now();
    if data_export::read(&mut context.db.read().await?, address, now).await?.is_none() {
        return Ok(Forgetting::Unknown);
    }
    // The subscriptions end in a transaction of their own, after which no delivery to this reader starts.
    let mut tx = context.db.begin().await?;
    let subscriptions = subscribers::for_address(&mut tx, address).await?;
    for it in &subscriptions {
        if subscribers::end(&mut tx, it.id, now).await? {
            let nobody = Evidence::default();
            let left = ConsentEvent::Unsubscribed;
            subscribers::record_consent(&mut tx, it.id, left, "forget", &nobody, now).await?;
        }
    }
    tx.commit().await?;
    let mut tx = context.db.begin().await?;
    if !erasure::erase(&mut tx, address, now).await? {
        return Ok(Forgetting::InFlight);
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
    Ok(Forgetting::Done)
}
