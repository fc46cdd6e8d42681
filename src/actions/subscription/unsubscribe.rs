//! A reader unsubscribes. When an issue goes out many do so at once, so requests are carried out in batches.

use crate::{
    actions::{Context, mail_reader},
    clock::Clock,
    db::{
        Db, DbError, Tx,
        deliveries::emails,
        engine::group_commit::{Answers, BatchHandler, GroupCommit},
        newsletters::{self, NewsletterRecord},
        subscribers::{self, Evidence, NewEntry, SubscriptionRecord},
    },
    domain::{
        delivery::email::MailKind,
        ids::{NewsletterId, SubscriptionId},
        subscriber::{
            consent::{ConsentEvent, LeavingReason, remark},
            erasure::is_placeholder,
            subscription::{GOODBYE_INTERVAL, SubscriptionStatus},
        },
        token::Purpose,
    },
    queue::Queue,
};
use jiff::Timestamp;
use std::collections::{HashMap, hash_map::Entry};

/// The state behind an unsubscribe link.
#[derive(Debug, Clone)]
pub enum Leaving {
    /// Not a link of ours, or altered on the way.
    Unknown,
    /// The link of a test email, which belongs to no subscription.
    Test,
    /// The reader is subscribed.
    Subscribed {
        /// The newsletter of the subscription.
        newsletter: NewsletterRecord,
        /// The reader's language, if it is known.
        language: Option<String>,
        /// The address, masked. `None` once the reader has moved.
        shown_address: Option<String>,
    },
    /// The reader is unsubscribed: just now, or since earlier.
    Gone {
        /// The newsletter of the subscription.
        newsletter: NewsletterRecord,
        /// The reader's language, if it is known.
        language: Option<String>,
        /// Whether the reader has just given a reason.
        has_said_why: bool,
    },
}

/// Returns the state behind a link and changes nothing, because mail scanners follow links too.
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

/// Ends the subscription at once and records it. Doing it again changes nothing.
///
/// `method` is `link`, `one_click` or `mail`. Only the link is answered by a goodbye email: mailbox providers want silence
/// after a one-click request.
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
    let request = UnsubscribeRequest { subscription: SubscriptionId(id), method, evidence: evidence.clone() };
    context.unsubscribe_batcher.0.request(request).await
}

/// Records why a reader unsubscribed. It never ends a subscription, because a page left open since then must not undo a new signup.
/// If the reader is subscribed, nothing is recorded and the result says so.
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
    // Nothing new is recorded about a reader whose data was erased.
    let kept = !is_placeholder(subscription.address.as_str())
        && subscribers::set_reason(&mut tx, subscription.id, reason, remark(text).as_deref(), now).await?;
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
    let Some(subscription) = subscribers::get(tx, SubscriptionId(id)).await? else { return Ok(None) };
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

/// Carries out unsubscribe requests in batches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UnsubscribeBatcher(GroupCommit<UnsubscribeHandler>);

impl UnsubscribeBatcher {
    /// Starts the batcher's task. `goodbye`: whether readers who unsubscribe by the link get a goodbye email.
    pub fn start(db: Db, queue: Queue, clock: Clock, goodbye: bool) -> Self {
        Self(GroupCommit::start(UnsubscribeHandler { db, queue, clock, goodbye }))
    }
}

struct UnsubscribeRequest {
    subscription: SubscriptionId,
    method: &'static str,
    evidence: Evidence,
}

struct UnsubscribeHandler {
    db: Db,
    queue: Queue,
    clock: Clock,
    goodbye: bool,
}

impl BatchHandler for UnsubscribeHandler {
    type Request = UnsubscribeRequest;
    type Answer = Leaving;
    type Error = DbError;

    async fn commit(&self, batch: &[UnsubscribeRequest]) -> Result<Answers<Self>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.begin_shared().await?;
        let asked: Vec<SubscriptionId> = batch.iter().map(|it| it.subscription).collect();
        // Locked before they are read: the ledger names the address that a subscription has when it ends.
        subscribers::hold(&mut tx, &asked).await?;
        let found = subscribers::get_all(&mut tx, &asked).await?;
        let newsletters = newsletters_of(&mut tx, found.values()).await?;
        let of: Vec<Option<(&SubscriptionRecord, &NewsletterRecord)>> = asked
            .iter()
            .map(|id| {
                let subscription = found.get(id)?;
                Some((subscription, newsletters.get(&subscription.newsletter_id)?))
            })
            .collect();
        let mut ended = subscribers::end_all(&mut tx, &asked, now).await?;
        // Of two requests for one subscription, the first one counts.
        let first: Vec<_> = batch
            .iter()
            .zip(&of)
            .filter_map(|(request, of)| {
                of.map(|(subscription, newsletter)| (request, subscription, newsletter))
            })
            .filter(|(_, subscription, _)| ended.remove(&subscription.id))
            .collect();
        let entries: Vec<NewEntry<'_>> = first
            .iter()
            .map(|(request, subscription, _)| NewEntry {
                subscription: subscription.id,
                address: subscription.address.as_str(),
                occurred_at: now,
                method: request.method,
                evidence: &request.evidence,
                confirmation: None,
                wording: None,
            })
            .collect();
        subscribers::record_consents(&mut tx, ConsentEvent::Unsubscribed, &entries).await?;
        for (request, subscription, newsletter) in first {
            if request.method == "link" {
                self.say_goodbye(&mut tx, subscription, newsletter, now).await?;
            }
        }
        tx.commit().await?;
        let gone = |(subscription, newsletter): (&SubscriptionRecord, &NewsletterRecord)| Leaving::Gone {
            newsletter: newsletter.clone(),
            language: subscription.language.clone(),
            has_said_why: false,
        };
        Ok(of.into_iter().map(|it| Ok(it.map_or(Leaving::Unknown, gone))).collect())
    }
}

impl UnsubscribeHandler {
    async fn say_goodbye(
        &self,
        tx: &mut Tx,
        subscription: &SubscriptionRecord,
        newsletter: &NewsletterRecord,
        now: Timestamp,
    ) -> Result<(), DbError> {
        // A reader who never confirmed gets no email but the confirmation.
        let got_issues =
            matches!(subscription.status, SubscriptionStatus::Active | SubscriptionStatus::Paused);
        if self.goodbye
            && got_issues
            && !emails::said_goodbye(tx, subscription.id, now - GOODBYE_INTERVAL).await?
        {
            mail_reader(&self.queue, tx, MailKind::Goodbye, newsletter, subscription, now).await?;
        }
        Ok(())
    }
}

async fn newsletters_of(
    tx: &mut Tx,
    subscriptions: impl Iterator<Item = &SubscriptionRecord>,
) -> Result<HashMap<NewsletterId, NewsletterRecord>, DbError> {
    let mut newsletters = HashMap::new();
    for it in subscriptions {
        if let Entry::Vacant(entry) = newsletters.entry(it.newsletter_id) {
            entry.insert(newsletters::get(tx, it.newsletter_id).await?);
        }
    }
    Ok(newsletters)
}
