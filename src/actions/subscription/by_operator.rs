//! An operator adds, unsubscribes or suppresses single readers.

use crate::{
    actions::{
        Context,
        subscription::{
            import_subscribers::{Import, import_subscribers},
            pause_subscription::{ResumeOutcome, pause_subscription, resume_subscription},
        },
    },
    db::{
        DbError, audit,
        subscribers::{self, Evidence},
        suppressions::{self, BouncedAddress},
    },
    domain::{
        actor::Actor,
        ids::{NewsletterId, SubscriptionId},
        import::{Dates, LayoutOptions, Outcome},
        subscriber::{consent::ConsentEvent, email_address::EmailAddress},
    },
};
use jiff::{civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use std::io::Cursor;

/// Returns the method of an actor's changes in the consent ledger.
pub const fn method_of(actor: &Actor) -> &'static str {
    match actor {
        Actor::Operator { .. } => "operator",
        _ => "command",
    }
}

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
        subscribers::record_consent(&mut tx, *id, event, method_of(actor), &evidence, now).await?;
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

/// Adds a reader who agreed elsewhere, with the evidence of it: a list of one. Returns whether they are new, or
/// why they were not added.
pub async fn add_with_evidence(
    context: &Context,
    actor: &Actor,
    newsletter: NewsletterId,
    address: &EmailAddress,
    evidence: &str,
) -> Result<bool, String> {
    let import = Import {
        newsletter,
        file_name: evidence.to_owned(),
        layout: LayoutOptions { all_confirmed: true, ..LayoutOptions::default() },
        encoding: None,
        dates: Dates { format: None, zone: TimeZone::UTC, now: context.clock.now() },
        dry_run: false,
    };
    let list = Cursor::new(format!("email\n{address}\n"));
    let mut reason = None;
    let summary = import_subscribers(context, actor, list, import, |it| {
        reason = Some(it.reason.clone());
        Ok(())
    })
    .await
    .map_err(|error| error.to_string())?;
    match reason {
        Some(reason) => Err(reason),
        None => Ok(summary.count(Outcome::Added) > 0),
    }
}

/// Pauses a subscription until a date. `false` if it is neither active nor paused.
pub async fn pause_reader(
    context: &Context,
    actor: &Actor,
    subscription: SubscriptionId,
    until: Date,
) -> Result<bool, DbError> {
    let paused = pause_subscription(context, subscription, until).await?;
    if paused {
        record(context, actor, "subscriber.pause", subscription, json!({ "paused_until": until })).await?;
    }
    Ok(paused)
}

/// Ends a pause. `false` if there is none.
pub async fn resume_reader(
    context: &Context,
    actor: &Actor,
    subscription: SubscriptionId,
) -> Result<bool, DbError> {
    let resumed = resume_subscription(context, subscription).await? == ResumeOutcome::Resumed;
    if resumed {
        record(context, actor, "subscriber.resume", subscription, json!({ "status": "active" })).await?;
    }
    Ok(resumed)
}

async fn record(
    context: &Context,
    actor: &Actor,
    action: &'static str,
    subscription: SubscriptionId,
    after: Value,
) -> Result<(), DbError> {
    let mut tx = context.db.begin().await?;
    let entry = audit::Entry { actor, action, subject: Some(subscription.0), before: Value::Null, after };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    tx.commit().await
}
