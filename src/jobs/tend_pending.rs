//! Signups that nobody has confirmed: their readers are reminded once, and forgotten in the end.

use super::Context;
use crate::{
    db::{
        DbError, Tx,
        mails::{self, NewMail},
        newsletters, signups, subscriptions,
    },
    domain::{email_address::EmailAddress, ids::SubscriptionId, mail::MailKind},
    queue::Job,
    random,
};
use jiff::{SignedDuration, Timestamp};

/// Most subscriptions looked after in one turn.
const AT_ONCE: i64 = 50;
/// A reminder that could not be sent in this time is not sent: after a long pause, or when reminders have just been turned on, it
/// would be about a signup that nobody remembers.
const REMIND_WITHIN: SignedDuration = SignedDuration::from_hours(48);

/// Puts the reminders that are due into the queue, and erases what has waited long enough.
pub(super) async fn tend(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    if let Some(after) = context.rules.remind_pending_after {
        let until = now - after;
        for id in subscriptions::to_remind(tx, until - REMIND_WITHIN, until, AT_ONCE).await? {
            remind(context, tx, id, now).await?;
        }
    }
    if let Some(after) = context.rules.erase_pending_after {
        let erased = subscriptions::erase_pending(tx, now - after, AT_ONCE, now).await?;
        if erased > 0 {
            tracing::info!(erased, "signups that nobody confirmed are erased");
        }
        let lost = signups::erase_before(tx, now - after).await?;
        if lost > 0 {
            tracing::error!(lost, "signups of which nothing could be made in all this time are erased");
        }
    }
    Ok(())
}

/// One mail with a new link. Whether the address may be mailed is looked at when it is sent.
async fn remind(context: &Context, tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<(), DbError> {
    // Of several processes only one marks it.
    if !subscriptions::set_reminded(tx, id, now).await? {
        return Ok(());
    }
    let Some(subscription) = subscriptions::get(tx, id).await? else { return Ok(()) };
    // What is stored was parsed once; rules may have become stricter since.
    let Ok(recipient) = EmailAddress::parse(&subscription.address) else { return Ok(()) };
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    let days = SignedDuration::from_hours(24 * i64::from(context.rules.confirmation_days));
    let confirmation = subscriptions::insert_confirmation(tx, id, now, now + days).await?;
    let domain = newsletter.newsletter.sender_address.domain();
    let mail = NewMail {
        kind: MailKind::ConfirmationReminder,
        newsletter: newsletter.id,
        recipient: &recipient,
        subscription: Some(id),
        confirmation: Some(confirmation),
        issue: None,
        feed: None,
        message_id: &format!("{}@{domain}", random::hex::<12>()),
    };
    let mail = mails::insert(tx, &mail, now).await?;
    context.queue.enqueue(tx, &Job::SendMail { mail }).await
}
