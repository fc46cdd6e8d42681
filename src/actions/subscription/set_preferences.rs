//! A reader sets preferences: frequency, topics, delivery time and language.

use crate::{
    actions::{Context, subscription::context::SubscriptionContext},
    db::{
        DbError, Tx, audit, bounces,
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
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde_json::{Value, json};

/// The state of a link to the preferences page.
#[derive(Debug, Clone)]
pub enum PreferencesLink {
    /// The link is invalid.
    Unknown,
    /// The link of a test email, which belongs to no subscription.
    Test,
    Subscribed(Box<ReaderPreferences>),
    Unsubscribed(UnsubscribedReader),
}

/// How long readers are told that emails to them came back.
const CAME_BACK_WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A reader who is not subscribed.
#[derive(Debug, Clone)]
pub struct UnsubscribedReader {
    /// The subscription of the link.
    pub subscription: SubscriptionId,
    pub newsletter: Box<NewsletterRecord>,
    /// The reader's language tag, if it is known.
    pub language: Option<String>,
    /// Whether the subscription ended because emails came back.
    pub is_undeliverable: bool,
}

/// A reader's preferences, with the available options.
#[derive(Debug, Clone)]
pub struct ReaderPreferences {
    pub subscription: SubscriptionId,
    pub newsletter: NewsletterRecord,
    /// The reader's address, masked. `None` after a change of address.
    pub shown_address: Option<String>,
    /// Whether emails to the address came back lately.
    pub emails_came_back: bool,
    /// `Some` while the subscription is paused, with the date of the issue that ends the pause, if one is
    /// set.
    pub paused: Option<Option<Date>>,
    pub preferences: Preferences,
    /// The reader's language tag, if it is known.
    pub language: Option<String>,
    /// The other newsletters, oldest first.
    pub others: Vec<OtherNewsletter>,
    /// Names of the sections of recent articles, in alphabetical order.
    pub sections: Vec<String>,
}

/// Another newsletter, with the reader's subscription to it.
#[derive(Debug, Clone)]
pub struct OtherNewsletter {
    pub newsletter: NewsletterRecord,
    /// The subscription, if it is active or paused.
    pub subscription: Option<SubscriptionId>,
}

/// Returns the state of a link and changes nothing, because mail scanners follow links too. The token is that
/// of the unsubscribe link, because an issue has one placeholder for the reader's token.
pub async fn inspect_link(context: &SubscriptionContext, token: &str) -> Result<PreferencesLink, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(PreferencesLink::Test);
    }
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token) else {
        return Ok(PreferencesLink::Unknown);
    };
    let mut tx = context.db.read().await?;
    let Some(subscription) = subscribers::for_link(&mut tx, SubscriptionId(id)).await? else {
        return Ok(PreferencesLink::Unknown);
    };
    let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
    if !subscription.status.is_confirmed() {
        return Ok(PreferencesLink::Unsubscribed(UnsubscribedReader {
            subscription: subscription.id,
            newsletter: Box::new(newsletter),
            language: subscription.language,
            is_undeliverable: subscription.status == SubscriptionStatus::Undeliverable,
        }));
    }
    // An old email must not reveal anything about a new address.
    let emails_came_back = subscription.moved_at.is_none()
        && bounces::came_back_since(&mut tx, &subscription.address, context.clock.now() - CAME_BACK_WITHIN)
            .await?;
    Ok(PreferencesLink::Subscribed(Box::new(ReaderPreferences {
        subscription: subscription.id,
        newsletter,
        preferences: subscription.preferences(),
        paused: (subscription.status == SubscriptionStatus::Paused)
            .then(|| subscription.paused_until.map(|it| it.0)),
        shown_address: subscription.shown_address(),
        emails_came_back,
        language: subscription.language,
        others: others(&mut tx, subscription.subscriber_id, subscription.newsletter_id).await?,
        sections: articles::recent_sections(&mut tx).await?,
    })))
}

/// Returns all newsletters but one. Leaves out those that the reader reported as spam, or whose emails could
/// not be delivered.
async fn others(
    tx: &mut Tx,
    reader: SubscriberId,
    current: NewsletterId,
) -> Result<Vec<OtherNewsletter>, DbError> {
    let own = subscribers::for_subscriber(tx, reader).await?;
    let mut others = Vec::new();
    for newsletter in newsletters::list(tx).await?.into_iter().filter(|it| it.id != current) {
        let found = own.iter().find(|it| it.newsletter_id == newsletter.id);
        let refused = [SubscriptionStatus::Complained, SubscriptionStatus::Undeliverable];
        if found.is_some_and(|it| refused.contains(&it.status)) {
            continue;
        }
        let subscription = found.filter(|it| it.status.is_confirmed()).map(|it| it.id);
        others.push(OtherNewsletter { newsletter, subscription });
    }
    Ok(others)
}

/// Sets the language of pages and emails to a reader.
pub async fn set_language(context: &Context, id: SubscriptionId, language: &str) -> Result<(), DbError> {
    let mut tx = context.db.begin().await?;
    if let Some(subscription) = subscribers::for_link(&mut tx, id).await? {
        subscribers::set_language(&mut tx, subscription.subscriber_id, language).await?;
    }
    tx.commit().await
}

/// Saves a reader's preferences. They apply to planned issues, but not to frozen ones. `false` if the
/// subscription is neither active nor paused.
///
/// Only changes by operators enter the audit log. It is never erased, so it must not collect readers' habits.
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

/// Moves the end of a pause to the reader's new clock.
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

/// Updates the due times of planned issues for this reader's clock.
pub(crate) async fn follow_clock(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    subscription: &SubscriptionRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    issues::follow_clock(tx, newsletter, &subscription.preferences().clock(), now).await
}
