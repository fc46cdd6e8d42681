//! A reader leaves.

use super::{
    Context,
    exit::{Wish, leave},
};
use crate::{
    db::{
        DbError, Tx,
        newsletters::{self, NewsletterRecord},
        subscriptions::{self, Evidence, SubscriptionRecord},
    },
    domain::{
        consent::{LeavingReason, remark},
        forgotten::is_placeholder,
        ids::SubscriptionId,
        subscription::SubscriptionStatus,
        token::Purpose,
    },
};

/// What a link to leave leads to.
#[derive(Debug, Clone)]
pub enum Leaving {
    /// Not a link of ours, or altered on the way.
    Unknown,
    /// The link of a test mail, which is nobody's subscription.
    Test,
    /// The reader can leave.
    Subscribed {
        /// Which newsletter.
        newsletter: NewsletterRecord,
        /// The reader's language, if it is known.
        language: Option<String>,
        /// Which address, masked; none once the reader has moved.
        shown_address: Option<String>,
    },
    /// The reader has left: just now, or before.
    Gone {
        /// Which newsletter.
        newsletter: NewsletterRecord,
        /// The reader's language, if it is known.
        language: Option<String>,
        /// Whether the reader just said why.
        has_said_why: bool,
    },
}

/// Looks at a link without changing anything: mail scanners follow links too.
pub async fn look(context: &Context, token: &str) -> Result<Leaving, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(Leaving::Test);
    }
    let mut tx = context.db.read().await?;
    Ok(match find(context, &mut tx, token).await? {
        None => Leaving::Unknown,
        Some((subscription, newsletter)) if has_left(&subscription) => {
            Leaving::Gone { newsletter, language: subscription.language, has_said_why: false }
        }
        Some((subscription, newsletter)) => subscribed(subscription, newsletter),
    })
}

/// Ends the subscription at once and records it. Doing it again changes nothing. `method` is `link`, `one_click` or
/// `mail`: who used the link is said goodbye to by mail, while a mail program's click is followed by silence, as mailbox providers
/// want it.
pub async fn unsubscribe(
    context: &Context,
    token: &str,
    method: &'static str,
    evidence: &Evidence,
) -> Result<Leaving, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(Leaving::Test);
    }
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token) else { return Ok(Leaving::Unknown) };
    leave(context, Wish { subscription: SubscriptionId(id), method, evidence: evidence.clone() }).await
}

/// Keeps why a reader left. It never ends a subscription: a page left open since an earlier leaving must not undo a new signup. So
/// where the reader is subscribed, nothing is kept, and the answer says so.
pub async fn give_reason(
    context: &Context,
    token: &str,
    reason: LeavingReason,
    text: &str,
) -> Result<Leaving, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(Leaving::Test);
    }
    let mut tx = context.db.begin().await?;
    let Some((subscription, newsletter)) = find(context, &mut tx, token).await? else {
        return Ok(Leaving::Unknown);
    };
    let now = context.clock.now();
    // Nothing new is kept in the name of a reader who was forgotten.
    let kept = !is_placeholder(&subscription.address)
        && subscriptions::set_reason(&mut tx, subscription.id, reason, remark(text).as_deref(), now).await?;
    tx.commit().await?;
    Ok(match subscription {
        it if has_left(&it) => Leaving::Gone { newsletter, language: it.language, has_said_why: kept },
        it => subscribed(it, newsletter),
    })
}

async fn find(
    context: &Context,
    tx: &mut Tx,
    token: &str,
) -> Result<Option<(SubscriptionRecord, NewsletterRecord)>, DbError> {
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token) else { return Ok(None) };
    let Some(subscription) = subscriptions::get(tx, SubscriptionId(id)).await? else { return Ok(None) };
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    Ok(Some((subscription, newsletter)))
}

fn subscribed(subscription: SubscriptionRecord, newsletter: NewsletterRecord) -> Leaving {
    let shown_address = subscription.shown_address();
    Leaving::Subscribed { newsletter, language: subscription.language, shown_address }
}

const fn has_left(subscription: &SubscriptionRecord) -> bool {
    matches!(subscription.status, SubscriptionStatus::Unsubscribed | SubscriptionStatus::Complained)
}
