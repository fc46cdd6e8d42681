//! Signups that nobody has confirmed: their readers are reminded once, and forgotten in the end.

use super::{Context, take_signups::line_of};
use crate::{
    db::{
        DbError, Tx,
        mails::{self, NewMail},
        newsletters,
        signup_limits::{set_taken_until, taken_until},
        signup_watch, signups, subscriptions,
    },
    domain::{
        email_address::EmailAddress,
        ids::{SubscriberId, SubscriptionId},
        mail::MailKind,
        signup_alarm,
    },
    queue::Job,
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// Most readers and subscriptions looked after in one turn.
const AT_ONCE: i64 = 50;
/// A reminder that could not be sent in this time is not sent: after a long pause, or when reminders have just been turned on, it
/// would be about a signup that nobody remembers.
const REMIND_WITHIN: SignedDuration = SignedDuration::from_hours(48);

/// Puts the reminders that are due into the queue, and erases what has waited long enough; each in a transaction of its own, that
/// other work does not hold up.
pub(super) async fn tend(context: &Context, now: Timestamp) -> Result<(), DbError> {
    if let Some(after) = context.rules.remind_pending_after {
        remind(context, now - after, now).await?;
    }
    if let Some(after) = context.rules.erase_pending_after {
        erase(context, now - after, now).await?;
    }
    Ok(())
}

async fn erase(context: &Context, until: Timestamp, now: Timestamp) -> Result<(), DbError> {
    let overdue = subscriptions::overdue(&mut context.db.read().await?, until, AT_ONCE).await?;
    if !overdue.is_empty() {
        let mut tx = context.db.begin().await?;
        let erased = subscriptions::erase_pending(&mut tx, &overdue, until, now).await?;
        tx.commit().await?;
        if erased > 0 {
            tracing::info!(erased, "signups that nobody confirmed are erased");
        }
    }
    Ok(())
}

/// Erases signups as they arrived, of which nothing could be made until a moment.
pub(super) async fn erase_lost(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let Some(after) = context.rules.erase_pending_after else { return Ok(()) };
    let lost = signups::erase_before(tx, now - after).await?;
    if lost > 0 {
        tracing::error!(lost, "signups of which nothing could be made in all this time are erased");
    }
    Ok(())
}

/// One mail for each reader, with a new link that confirms all they asked for. It counts on the line of their address, and beyond that
/// there is none. Whether the address may be mailed is looked at when it is sent.
async fn remind(context: &Context, until: Timestamp, now: Timestamp) -> Result<(), DbError> {
    let since = until - REMIND_WITHIN;
    let mut tx = context.db.read().await?;
    let spans = signup_alarm::outside(since, until, signup_watch::doubtful(&mut tx, since).await?);
    let readers = subscriptions::readers_to_remind(&mut tx, &spans, AT_ONCE).await?;
    drop(tx);
    if readers.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    let mut asked: BTreeMap<SubscriberId, Vec<SubscriptionId>> = BTreeMap::new();
    for (id, reader) in subscriptions::take_to_remind(&mut tx, &readers, since, now).await? {
        asked.entry(reader).or_default().push(id);
    }
    let mut reminded = Vec::new();
    for ids in asked.into_values() {
        let Some(first) = subscriptions::get(&mut tx, ids[0]).await? else { continue };
        reminded.push((ids, first));
    }
    let within =
        within_limits(context, &mut tx, reminded.iter().map(|(_, first)| &first.address).collect(), now)
            .await?;
    for ((ids, first), _) in reminded.iter().zip(within).filter(|(_, within)| *within) {
        let newsletter = newsletters::get(&mut tx, first.newsletter_id).await?;
        let days = SignedDuration::from_hours(24 * i64::from(context.rules.confirmation_days));
        let lead = subscriptions::insert_confirmation(&mut tx, ids[0], now, now + days).await?;
        let beside: Vec<_> = ids[1..].iter().map(|id| (*id, Some(lead))).collect();
        subscriptions::insert_confirmations(&mut tx, &beside, now, now + days).await?;
        subscriptions::set_reminder(&mut tx, lead).await?;
        let domain = newsletter.newsletter.sender_address.domain();
        let mail = NewMail {
            kind: MailKind::ConfirmationReminder,
            newsletter: newsletter.id,
            recipient: &first.address,
            subscription: Some(ids[0]),
            confirmation: Some(lead),
            issue: None,
            feed: None,
            message_id: &format!("{}@{domain}", random::hex::<12>()),
        };
        let mail = mails::insert(&mut tx, &mail, now).await?;
        context.queue.enqueue(&mut tx, &Job::SendMail { mail }).await?;
    }
    tx.commit().await
}

/// Counts a mail to each of these in, and says which are within the limit of their address.
async fn within_limits(
    context: &Context,
    tx: &mut Tx,
    recipients: Vec<&EmailAddress>,
    now: Timestamp,
) -> Result<Vec<bool>, DbError> {
    let Some(limit) = context.rules.mails_per_address else { return Ok(vec![true; recipients.len()]) };
    let names: Vec<String> = recipients.iter().map(|it| line_of(context, it)).collect();
    let mut lines = taken_until(tx, names.iter().map(String::as_str).collect(), now).await?;
    let mut changed = HashMap::new();
    let mut within = Vec::with_capacity(names.len());
    for name in names {
        let line = lines.get_mut(&name).ok_or(DbError::RowNotFound)?;
        let taken = limit.take(*line, now.as_microsecond());
        within.push(taken.is_ok());
        if let Ok(until) = taken {
            *line = until;
            changed.insert(name, until);
        }
    }
    set_taken_until(tx, &changed.into_iter().collect::<Vec<_>>()).await?;
    Ok(within)
}
