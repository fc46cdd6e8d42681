//! A reader unsubscribes by a link, a button or an email.

use crate::{
    actions::subscription::{
        context::SubscriptionContext, undo_unsubscribe::can_undo, unsubscribe_batcher::Unsubscribed,
    },
    db::{
        DbError, Tx,
        newsletters::{self, NewsletterRecord},
        subscribers::{self, Evidence, SubscriptionRecord},
    },
    domain::{
        ids::SubscriptionId,
        subscriber::{
            consent::{UnsubscribeReason, clean_remark},
            erasure::is_placeholder,
            preferences::Preferences,
            subscription::SubscriptionStatus,
        },
        token::Purpose,
    },
};

/// The state of an unsubscribe link.
#[derive(Debug, Clone)]
pub enum UnsubscribeLink {
    /// The link is invalid.
    Unknown,
    /// The link of a test email, which belongs to no subscription.
    Test,
    /// The reader is subscribed.
    Subscribed {
        newsletter: NewsletterRecord,
        language: Option<String>,
        /// The address, masked. `None` after a change of address.
        shown_address: Option<String>,
        subscription: SubscriptionId,
        preferences: Preferences,
        /// Whether the reader takes a break.
        is_paused: bool,
    },
    /// The reader has unsubscribed, now or before.
    Unsubscribed {
        newsletter: NewsletterRecord,
        language: Option<String>,
        /// Whether the reader has just given a reason.
        gave_reason: bool,
        /// Whether the reader may take the unsubscribe back.
        can_undo: bool,
    },
}

/// Returns the state of a link and changes nothing, because mail scanners follow links too.
pub async fn inspect_link(context: &SubscriptionContext, token: &str) -> Result<UnsubscribeLink, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(UnsubscribeLink::Test);
    }
    let mut tx = context.db.read().await?;
    Ok(match find(context, &mut tx, token).await? {
        None => UnsubscribeLink::Unknown,
        Some((subscription, newsletter)) if is_unsubscribed(&subscription) => {
            unsubscribed(context, subscription, newsletter, false)
        }
        Some((subscription, newsletter)) => subscribed(subscription, newsletter),
    })
}

/// Ends the subscription at once and records it. Doing it again changes nothing.
///
/// `method` is `link`, `one_click` or `mail`. Only the link is answered by a goodbye email: mailbox providers
/// want silence after a one-click request.
pub async fn unsubscribe(
    context: &SubscriptionContext,
    token: &str,
    method: &'static str,
    evidence: &Evidence,
) -> Result<UnsubscribeLink, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(UnsubscribeLink::Test);
    }
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token) else {
        return Ok(UnsubscribeLink::Unknown);
    };
    let ended = context.batcher.unsubscribe(SubscriptionId(id), method, evidence.clone()).await?;
    Ok(ended.map_or(UnsubscribeLink::Unknown, |Unsubscribed { newsletter, language }| {
        UnsubscribeLink::Unsubscribed { newsletter, language, gave_reason: false, can_undo: false }
    }))
}

/// Records why a reader unsubscribed. It never ends a subscription, because a page left open since then must
/// not undo a new signup. If the reader is subscribed, nothing is recorded and the result says so.
pub async fn give_reason(
    context: &SubscriptionContext,
    token: &str,
    reason: UnsubscribeReason,
    text: &str,
) -> Result<UnsubscribeLink, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(UnsubscribeLink::Test);
    }
    let mut tx = context.db.begin().await?;
    let Some((subscription, newsletter)) = find(context, &mut tx, token).await? else {
        return Ok(UnsubscribeLink::Unknown);
    };
    let now = context.clock.now();
    // Nothing new is recorded about a reader whose data was erased.
    let is_recorded = !is_placeholder(subscription.address.as_str())
        && subscribers::set_reason(&mut tx, subscription.id, reason, clean_remark(text).as_deref(), now)
            .await?;
    tx.commit().await?;
    Ok(match subscription {
        it if is_unsubscribed(&it) => unsubscribed(context, it, newsletter, is_recorded),
        it => subscribed(it, newsletter),
    })
}

async fn find(
    context: &SubscriptionContext,
    tx: &mut Tx,
    token: &str,
) -> Result<Option<(SubscriptionRecord, NewsletterRecord)>, DbError> {
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token) else { return Ok(None) };
    let Some(subscription) = subscribers::get(tx, SubscriptionId(id)).await? else { return Ok(None) };
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    Ok(Some((subscription, newsletter)))
}

fn subscribed(subscription: SubscriptionRecord, newsletter: NewsletterRecord) -> UnsubscribeLink {
    UnsubscribeLink::Subscribed {
        newsletter,
        shown_address: subscription.shown_address(),
        subscription: subscription.id,
        preferences: subscription.preferences(),
        is_paused: subscription.status == SubscriptionStatus::Paused,
        language: subscription.language,
    }
}

fn unsubscribed(
    context: &SubscriptionContext,
    subscription: SubscriptionRecord,
    newsletter: NewsletterRecord,
    gave_reason: bool,
) -> UnsubscribeLink {
    let can_undo = can_undo(&subscription, context.clock.now());
    UnsubscribeLink::Unsubscribed { newsletter, language: subscription.language, gave_reason, can_undo }
}

const fn is_unsubscribed(subscription: &SubscriptionRecord) -> bool {
    matches!(subscription.status, SubscriptionStatus::Unsubscribed | SubscriptionStatus::Complained)
}
