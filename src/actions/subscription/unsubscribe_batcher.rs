//! Ends subscriptions. When an issue goes out many readers unsubscribe at once, so requests are carried out
//! in batches.

use crate::{
    actions::enqueue_email,
    clock::Clock,
    db::{
        Db, DbError, Tx,
        deliveries::emails,
        engine::group_commit::{Answers, BatchHandler, GroupCommit},
        newsletters::{self, NewsletterRecord},
        subscribers::{self, Evidence, NewEntry, SubscriptionRecord},
    },
    domain::{
        delivery::email::EmailKind,
        ids::{NewsletterId, SubscriptionId},
        subscriber::{
            consent::ConsentEvent,
            subscription::{GOODBYE_INTERVAL, SubscriptionStatus},
        },
    },
    queue::Queue,
};
use jiff::Timestamp;
use std::collections::{HashMap, hash_map::Entry};

/// Carries out unsubscribe requests in batches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UnsubscribeBatcher(GroupCommit<UnsubscribeHandler>);

/// A subscription that has ended, now or before.
#[derive(Debug, Clone)]
pub struct Unsubscribed {
    pub newsletter: NewsletterRecord,
    /// The reader's language, if it is known.
    pub language: Option<String>,
}

impl UnsubscribeBatcher {
    /// Starts the batcher's task. `goodbye`: whether readers who unsubscribe by the link get a goodbye email.
    pub fn start(db: Db, queue: Queue, clock: Clock, goodbye: bool) -> Self {
        Self(GroupCommit::start(UnsubscribeHandler { db, queue, clock, goodbye }))
    }

    /// Ends a subscription. Returns once that is committed; `None` if there is no such subscription.
    pub(super) async fn unsubscribe(
        &self,
        subscription: SubscriptionId,
        method: &'static str,
        evidence: Evidence,
    ) -> Result<Option<Unsubscribed>, DbError> {
        self.0.request(UnsubscribeRequest { subscription, method, evidence }).await
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
    type Answer = Option<Unsubscribed>;
    type Error = DbError;

    async fn commit(&self, batch: &[UnsubscribeRequest]) -> Result<Answers<Self>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.begin_shared().await?;
        let ids: Vec<SubscriptionId> = batch.iter().map(|it| it.subscription).collect();
        // Locks before it reads, because the ledger needs the address that each subscription has when it
        // ends.
        subscribers::lock_rows(&mut tx, &ids).await?;
        let found = subscribers::get_all(&mut tx, &ids).await?;
        let newsletters = newsletters_of(&mut tx, found.values()).await?;
        let details: Vec<Option<(&SubscriptionRecord, &NewsletterRecord)>> = ids
            .iter()
            .map(|id| {
                let subscription = found.get(id)?;
                Some((subscription, newsletters.get(&subscription.newsletter_id)?))
            })
            .collect();
        let mut ended = subscribers::end_all(&mut tx, &ids, now).await?;
        // The first of several requests for one subscription counts.
        let first: Vec<_> = batch
            .iter()
            .zip(&details)
            .filter_map(|(request, details)| {
                details.map(|(subscription, newsletter)| (request, subscription, newsletter))
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
                self.enqueue_goodbye(&mut tx, subscription, newsletter, now).await?;
            }
        }
        tx.commit().await?;
        let ended = |(subscription, newsletter): (&SubscriptionRecord, &NewsletterRecord)| Unsubscribed {
            newsletter: newsletter.clone(),
            language: subscription.language.clone(),
        };
        Ok(details.into_iter().map(|it| Ok(it.map(ended))).collect())
    }
}

impl UnsubscribeHandler {
    async fn enqueue_goodbye(
        &self,
        tx: &mut Tx,
        subscription: &SubscriptionRecord,
        newsletter: &NewsletterRecord,
        now: Timestamp,
    ) -> Result<(), DbError> {
        // Readers who never confirmed get no goodbye email.
        let got_issues =
            matches!(subscription.status, SubscriptionStatus::Active | SubscriptionStatus::Paused);
        if self.goodbye
            && got_issues
            && !emails::said_goodbye(tx, subscription.id, now - GOODBYE_INTERVAL).await?
        {
            enqueue_email(&self.queue, tx, EmailKind::Goodbye, newsletter, subscription, now).await?;
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
