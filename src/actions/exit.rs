//! Where readers' leaving is written down, in groups: when a newsletter goes out, many leave at once.

use super::{Context, mail_reader, unsubscribe::Leaving};
use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        groups::{Groups, Work},
        mails,
        newsletters::{self, NewsletterRecord},
        subscriptions::{self, Evidence, NewEntry, SubscriptionRecord},
    },
    domain::{
        consent::ConsentEvent,
        ids::{NewsletterId, SubscriptionId},
        mail::MailKind,
        subscription::{GOODBYE_INTERVAL, SubscriptionStatus},
    },
    queue::Queue,
};
use jiff::Timestamp;
use std::collections::{HashMap, hash_map::Entry};

/// A reader's wish to leave.
pub(super) struct Wish {
    /// The subscription that the link is about.
    pub subscription: SubscriptionId,
    /// By what means.
    pub method: &'static str,
    /// How the wish reached us.
    pub evidence: Evidence,
}

/// The way to the task that keeps them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Exit(Groups<Writer>);

/// Hands a wish over and waits until it is carried out for good.
pub(super) async fn leave(context: &Context, wish: Wish) -> Result<Leaving, DbError> {
    context.exit.0.ask(wish).await
}

impl Exit {
    /// Starts the task. `goodbye`: whether a reader who leaves by the link is told so.
    pub fn start(db: Db, queue: Queue, clock: Clock, goodbye: bool) -> Self {
        Self(Groups::start(Writer { db, queue, clock, goodbye }))
    }
}

struct Writer {
    db: Db,
    queue: Queue,
    clock: Clock,
    goodbye: bool,
}

impl Work for Writer {
    type Asked = Wish;
    type Answer = Leaving;
    type Refusal = DbError;

    async fn commit(&self, group: &[Wish]) -> Result<Vec<Result<Leaving, DbError>>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.begin_shared().await?;
        let asked: Vec<SubscriptionId> = group.iter().map(|it| it.subscription).collect();
        // Locked before they are read: the ledger names the address that a subscription has when it ends.
        subscriptions::hold(&mut tx, &asked).await?;
        let found = subscriptions::get_all(&mut tx, &asked).await?;
        let newsletters = newsletters_of(&mut tx, found.values()).await?;
        let of: Vec<Option<(&SubscriptionRecord, &NewsletterRecord)>> = asked
            .iter()
            .map(|id| {
                let subscription = found.get(id)?;
                Some((subscription, newsletters.get(&subscription.newsletter_id)?))
            })
            .collect();
        let mut ended = subscriptions::end_all(&mut tx, &asked, now).await?;
        // Of two wishes for the same, the first one counts.
        let first: Vec<_> = group
            .iter()
            .zip(&of)
            .filter_map(|(wish, of)| of.map(|(subscription, newsletter)| (wish, subscription, newsletter)))
            .filter(|(_, subscription, _)| ended.remove(&subscription.id))
            .collect();
        let entries: Vec<NewEntry<'_>> = first
            .iter()
            .map(|(wish, subscription, _)| NewEntry {
                subscription: subscription.id,
                address: &subscription.address,
                occurred_at: now,
                method: wish.method,
                evidence: &wish.evidence,
                confirmation: None,
                wording: None,
            })
            .collect();
        subscriptions::record_consents(&mut tx, ConsentEvent::Unsubscribed, &entries).await?;
        for (wish, subscription, newsletter) in first {
            if wish.method == "link" {
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

impl Writer {
    async fn say_goodbye(
        &self,
        tx: &mut Tx,
        subscription: &SubscriptionRecord,
        newsletter: &NewsletterRecord,
        now: Timestamp,
    ) -> Result<(), DbError> {
        // Who never confirmed gets the confirmation mail and no other.
        let got_issues =
            matches!(subscription.status, SubscriptionStatus::Active | SubscriptionStatus::Paused);
        if self.goodbye
            && got_issues
            && !mails::said_goodbye(tx, subscription.id, now - GOODBYE_INTERVAL).await?
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
