//! An operator adds, unsubscribes or suppresses single readers.

use crate::{
    actions::Context,
    db::{
        DbError, audit,
        subscribers::{self, Evidence},
        suppressions::{self, BouncedAddress},
    },
    domain::{
        actor::Actor,
        ids::{NewsletterId, SubscriptionId},
        subscriber::{consent::ConsentEvent, email_address::EmailAddress},
    },
};
use serde_json::{Value, json};

/// The method of these changes in the consent ledger.
pub const METHOD: &str = "command";

/// Ends a reader's subscription to a newsletter, or all of them. Returns the number that ended. The audit log
/// contains numbers only.
pub async fn unsubscribe_reader(
    context: &Context,
    actor: &Actor,
    address: &EmailAddress,
    newsletter: Option<NewsletterId>,
) -> Result<usize, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let ids: Vec<SubscriptionId> = subscribers::for_address(&mut tx, address)
        .await?
        .iter()
        .filter(|it| newsletter.is_none_or(|wanted| it.newsletter_id == wanted))
        .map(|it| it.id)
        .collect();
    let ended = subscribers::end_all(&mut tx, &ids, now).await?;
    for id in &ended {
        let (event, evidence) = (ConsentEvent::Unsubscribed, Evidence::default());
        subscribers::record_consent(&mut tx, *id, event, METHOD, &evidence, now).await?;
        let entry = audit::Entry {
            actor,
            action: "subscriber.unsubscribe",
            subject: Some(id.0),
            before: Value::Null,
            after: json!({ "status": "unsubscribed" }),
        };
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(ended.len())
}

/// Suppresses addresses and ends their readers' subscriptions, which lifting the suppression undoes. Returns the
/// number of addresses that were not suppressed before.
pub async fn suppress_readers(
    context: &Context,
    actor: &Actor,
    addresses: &[EmailAddress],
    reason: &str,
) -> Result<usize, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let keys: Vec<String> = addresses.iter().map(EmailAddress::key).collect();
    let known = suppressions::among(&mut tx, &keys).await?;
    let new: Vec<BouncedAddress> = keys
        .into_iter()
        .filter(|key| !known.contains(key))
        .map(|address_key| BouncedAddress { address_key, reason: format!("operator: {reason}"), issue: None })
        .collect();
    suppressions::add_bounced(&mut tx, &new, now).await?;
    if !new.is_empty() {
        let entry = audit::Entry {
            actor,
            action: "subscriber.suppress",
            subject: None,
            before: Value::Null,
            // The reason is free text that may name somebody, and the audit log is never erased.
            after: json!({ "addresses": new.len() }),
        };
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(new.len())
}
