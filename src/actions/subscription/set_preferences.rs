//! A reader chooses how often, about what and when a newsletter comes.

use crate::{
    actions::{Context, subscription::context::SubscriptionContext},
    db::{
        DbError, Tx, audit,
        content::articles,
        issues,
        newsletters::{self, NewsletterRecord},
        subscribers::{self, SubscriptionRecord},
    },
    domain::{
        actor::Actor,
        ids::{NewsletterId, SubscriberId, SubscriptionId},
        subscriber::{pause, preferences::Preferences, subscription::SubscriptionStatus},
        token::Purpose,
    },
};
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};

/// What a link to one's choices leads to.
#[derive(Debug, Clone)]
pub enum Choosing {
    /// Not a link of ours, or altered on the way.
    Unknown,
    /// The link of a test mail, which is nobody's subscription.
    Test,
    /// The reader can choose.
    Open(Box<Choice>),
    /// The reader is not subscribed: there is nothing to choose.
    Gone(Gone),
}

/// A reader who is not subscribed (any more).
#[derive(Debug, Clone)]
pub struct Gone {
    /// The subscription that the link is about.
    pub subscription: SubscriptionId,
    /// To which newsletter.
    pub newsletter: Box<NewsletterRecord>,
    /// The language they read in, by its tag, if they have said so.
    pub language: Option<String>,
}

/// What a reader can choose, and has chosen.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Whose choice.
    pub subscription: SubscriptionId,
    /// Of which newsletter.
    pub newsletter: NewsletterRecord,
    /// The reader's address, masked; none once they have moved.
    pub shown_address: Option<String>,
    /// Whether it rests, and until which day's issue; without one until the reader says so.
    pub paused: Option<Option<Date>>,
    /// What is chosen.
    pub preferences: Preferences,
    /// The language they read in, by its tag, if they have said so.
    pub language: Option<String>,
    /// The other newsletters, in the order they were made, and whether the reader gets them.
    pub others: Vec<Other>,
    /// Names of the sections of recent articles, in alphabetical order.
    pub sections: Vec<String>,
}

/// Another newsletter, as a reader stands to it.
#[derive(Debug, Clone)]
pub struct Other {
    /// Which.
    pub newsletter: NewsletterRecord,
    /// The reader's subscription, if it is active or paused.
    pub subscription: Option<SubscriptionId>,
}

/// Looks at a link without changing anything: mail scanners follow links too. The link is the one to leave: it is the reader's own,
/// and a mail has one place for it.
pub async fn look(context: &SubscriptionContext, token: &str) -> Result<Choosing, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(Choosing::Test);
    }
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token) else { return Ok(Choosing::Unknown) };
    let mut tx = context.db.read().await?;
    let Some(subscription) = subscribers::for_link(&mut tx, SubscriptionId(id)).await? else {
        return Ok(Choosing::Unknown);
    };
    let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
    if !subscription.status.is_confirmed() {
        return Ok(Choosing::Gone(Gone {
            subscription: subscription.id,
            newsletter: Box::new(newsletter),
            language: subscription.language,
        }));
    }
    Ok(Choosing::Open(Box::new(Choice {
        subscription: subscription.id,
        newsletter,
        preferences: subscription.preferences(),
        paused: (subscription.status == SubscriptionStatus::Paused)
            .then(|| subscription.paused_until.map(|it| it.0)),
        shown_address: subscription.shown_address(),
        language: subscription.language,
        others: others(&mut tx, subscription.subscriber_id, subscription.newsletter_id).await?,
        sections: articles::recent_sections(&mut tx).await?,
    })))
}

/// The newsletters but one. Those whose mail the reader reported or could not get are left out.
async fn others(tx: &mut Tx, reader: SubscriberId, but: NewsletterId) -> Result<Vec<Other>, DbError> {
    let own = subscribers::for_subscriber(tx, reader).await?;
    let mut others = Vec::new();
    for newsletter in newsletters::list(tx).await?.into_iter().filter(|it| it.id != but) {
        let found = own.iter().find(|it| it.newsletter_id == newsletter.id);
        let refused = [SubscriptionStatus::Complained, SubscriptionStatus::Undeliverable];
        if found.is_some_and(|it| refused.contains(&it.status)) {
            continue;
        }
        let subscription = found.filter(|it| it.status.is_confirmed()).map(|it| it.id);
        others.push(Other { newsletter, subscription });
    }
    Ok(others)
}

/// Keeps the language a reader reads in: that of pages and letters to them.
pub async fn set_language(context: &Context, id: SubscriptionId, language: &str) -> Result<(), DbError> {
    let mut tx = context.db.begin().await?;
    if let Some(subscription) = subscribers::for_link(&mut tx, id).await? {
        subscribers::set_language(&mut tx, subscription.subscriber_id, language).await?;
    }
    tx.commit().await
}

/// Saves a reader's preferences. Planned issues follow; a frozen one has its readers and their due times already. `false`: there is
/// no such subscription, or it is neither active nor paused.
///
/// The audit log keeps changes by operators only. It can't be erased, so it must not fill with the habits of readers.
pub async fn set_preferences(
    context: &Context,
    actor: &Actor,
    id: SubscriptionId,
    preferences: &Preferences,
) -> Result<bool, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let known = match actor {
        Actor::Reader => None,
        _ => subscribers::for_link(&mut tx, id).await?,
    };
    if !subscribers::set_preferences(&mut tx, id, preferences).await? {
        return Ok(false);
    }
    if let Some(subscription) = subscribers::for_link(&mut tx, id).await? {
        let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
        move_pause(&mut tx, &newsletter, &subscription).await?;
        follow_clock(&mut tx, &newsletter, &subscription, now).await?;
    }
    if let Some(known) = known {
        let entry = audit::Entry {
            actor,
            action: "subscriber.set",
            subject: Some(known.id.0),
            before: audited(&known.preferences()),
            after: audited(preferences),
        };
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

fn audited(it: &Preferences) -> Value {
    json!({
        "cadence": it.cadence,
        "sections": it.sections.to_string(),
        "time_zone": it.time_zone_name(),
        "send_time": it.send_time_text(),
    })
}

/// A pause ends with a day on the reader's clock, which may be another one now.
async fn move_pause(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    subscription: &SubscriptionRecord,
) -> Result<(), DbError> {
    let Some(until) = subscription.paused_until.map(|it| it.0) else { return Ok(()) };
    let own = subscription.preferences().time_zone;
    let zone = pause::effective_zone(&newsletter.newsletter, own.as_ref());
    subscribers::pause(tx, subscription.id, until, pause::resumes_at(until, zone)).await.map(drop)
}

/// Lets the issues that are planned, or are about to be, come at this reader's time.
pub(crate) async fn follow_clock(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    subscription: &SubscriptionRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    issues::follow_clock(tx, newsletter, &subscription.preferences().clock(), now).await
}
