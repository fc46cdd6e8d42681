//! Unconfirmed signups: readers are reminded once, and erased in the end.

use crate::{
    db::{
        DbError, Tx,
        deliveries::emails::{self, NewEmail},
        newsletters,
        rate_limits::{self, Request},
        signups::{alarm as signup_alarms, intake},
        subscribers,
    },
    domain::{
        delivery::email::EmailKind,
        ids::{SubscriberId, SubscriptionId},
        signup::{alarm, limits::address_key},
        subscriber::email_address::EmailAddress,
    },
    jobs::context::ReaderContext,
    queue::Job,
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Most readers, and most subscriptions, per run.
const BATCH: i64 = 50;
/// A reminder this late is not sent. After a long downtime, or right after reminders were turned on, it would
/// refer to a forgotten signup.
const REMIND_WITHIN: SignedDuration = SignedDuration::from_hours(48);

/// Reminds readers and erases expired signups, each in a transaction of its own so that other work is not
/// delayed.
pub(crate) async fn remind_and_expire(context: &ReaderContext, now: Timestamp) -> Result<(), DbError> {
    if let Some(after) = context.settings.signup.remind_after() {
        remind_unconfirmed(context, now - after, now).await?;
    }
    if let Some(after) = context.settings.signup.erase_after() {
        expire_unconfirmed(context, now - after, now).await?;
    }
    Ok(())
}

async fn expire_unconfirmed(
    context: &ReaderContext,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    let overdue = subscribers::overdue(&mut context.db.read().await?, until, BATCH).await?;
    if !overdue.is_empty() {
        let mut tx = context.db.begin().await?;
        let erased = subscribers::erase_pending(&mut tx, &overdue, until, now).await?;
        tx.commit().await?;
        if erased > 0 {
            tracing::info!(erased, "erased unconfirmed signups");
        }
    }
    Ok(())
}

/// Erases signups that could not be processed within the time for unconfirmed ones.
pub(crate) async fn expire_unprocessed(
    context: &ReaderContext,
    tx: &mut Tx,
    now: Timestamp,
) -> Result<(), DbError> {
    let Some(after) = context.settings.signup.erase_after() else { return Ok(()) };
    let erased = intake::erase_before(tx, now - after).await?;
    if erased > 0 {
        tracing::error!(erased, "erased signups that could not be processed in time");
    }
    Ok(())
}

/// Sends each reader one email with a new link that confirms all open signups. It debits the limit of the
/// reader's address. Suppressions are checked when the email is sent.
async fn remind_unconfirmed(
    context: &ReaderContext,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    let since = until - REMIND_WITHIN;
    let mut tx = context.db.read().await?;
    let spans = alarm::trusted_spans(since, until, signup_alarms::doubtful(&mut tx, since).await?);
    let readers = subscribers::readers_to_remind(&mut tx, &spans, BATCH).await?;
    drop(tx);
    if readers.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    let mut asked: BTreeMap<SubscriberId, Vec<SubscriptionId>> = BTreeMap::new();
    for (id, reader) in subscribers::claim_reminders(&mut tx, &readers, since, now).await? {
        asked.entry(reader).or_default().push(id);
    }
    let mut reminded = Vec::new();
    for ids in asked.into_values() {
        let Some(first) = subscribers::get(&mut tx, ids[0]).await? else { continue };
        reminded.push((ids, first));
    }
    let limit = |it: &EmailAddress| {
        context.settings.signup.limits().address.map(|limit| (address_key(&context.keys, it), limit))
    };
    let requests: Vec<Request> =
        reminded.iter().map(|it| limit(&it.1.address).into_iter().collect()).collect();
    let verdicts = rate_limits::check(&mut tx, &requests, now).await?;
    for ((ids, first), _) in reminded.iter().zip(verdicts).filter(|(_, verdict)| verdict.is_ok()) {
        let newsletter = newsletters::get(&mut tx, first.newsletter_id).await?;
        let days = SignedDuration::from_hours(24 * i64::from(context.settings.signup.confirmation_days));
        let lead = subscribers::insert_confirmation(&mut tx, ids[0], now, now + days).await?;
        let beside: Vec<_> = ids[1..].iter().map(|id| (*id, Some(lead))).collect();
        subscribers::insert_confirmations(&mut tx, &beside, now, now + days).await?;
        subscribers::set_reminder(&mut tx, lead).await?;
        let domain = newsletter.newsletter.sender_address.domain();
        let email = NewEmail {
            kind: EmailKind::ConfirmationReminder,
            newsletter: newsletter.id,
            recipient: &first.address,
            subscription: Some(ids[0]),
            confirmation: Some(lead),
            issue: None,
            feed: None,
            message_id: &format!("{}@{domain}", random::hex::<12>()),
        };
        let email = emails::insert(&mut tx, &email, now).await?;
        context.queue.enqueue(&mut tx, &Job::SendEmails { emails: vec![email] }).await?;
    }
    tx.commit().await
}
