//! A reader chooses how often, about what and when a newsletter comes.

use super::Context;
use crate::{
    db::{
        DbError, Tx, articles, issues,
        newsletters::{self, NewsletterRecord},
        subscriptions::{self, SubscriptionRecord},
    },
    domain::{
        ids::SubscriptionId,
        issue::IssueStatus,
        newsletter::WhoseClock,
        preferences::Preferences,
        schedule::{self, Due, due_on},
        subscription::SubscriptionStatus,
        token::Purpose,
    },
};
use jiff::Timestamp;

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
    Gone {
        /// Which newsletter.
        newsletter: Box<NewsletterRecord>,
    },
}

/// What a reader can choose, and has chosen.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Whose choice.
    pub subscription: SubscriptionId,
    /// Of which newsletter.
    pub newsletter: NewsletterRecord,
    /// The reader's address.
    pub address: String,
    /// What is chosen.
    pub preferences: Preferences,
    /// Names of the sections of recent articles, in alphabetical order.
    pub sections: Vec<String>,
}

/// Looks at a link without changing anything: mail scanners follow links too. The link is the one to leave: it is the reader's own,
/// and a mail has one place for it.
pub async fn look(context: &Context, token: &str) -> Result<Choosing, DbError> {
    if context.keys.verify(Purpose::Test, token).is_some() {
        return Ok(Choosing::Test);
    }
    let Some(id) = context.keys.verify(Purpose::Unsubscribe, token) else { return Ok(Choosing::Unknown) };
    let mut tx = context.db.read().await?;
    let Some(subscription) = subscriptions::get(&mut tx, SubscriptionId(id)).await? else {
        return Ok(Choosing::Unknown);
    };
    let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
    if !can_choose(&subscription) {
        return Ok(Choosing::Gone { newsletter: Box::new(newsletter) });
    }
    Ok(Choosing::Open(Box::new(Choice {
        subscription: subscription.id,
        newsletter,
        preferences: subscription.preferences(),
        address: subscription.address,
        sections: articles::recent_sections(&mut tx).await?,
    })))
}

/// Keeps what a reader chose. Planned issues follow; one that is frozen has its readers and their moments already. `false`: there is
/// no such subscription, or it is neither active nor paused.
pub async fn set_preferences(
    context: &Context,
    id: SubscriptionId,
    preferences: &Preferences,
) -> Result<bool, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if !subscriptions::set_preferences(&mut tx, id, preferences).await? {
        return Ok(false);
    }
    if let Some(subscription) = subscriptions::get(&mut tx, id).await? {
        let newsletter = newsletters::get(&mut tx, subscription.newsletter_id).await?;
        follow_clock(&mut tx, &newsletter, &subscription, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Lets the issues that are planned begin early enough for a reader's clock, and last long enough. A moment that is past moves none:
/// nothing goes out at once on account of one reader.
pub(super) async fn follow_clock(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    subscription: &SubscriptionRecord,
    now: Timestamp,
) -> Result<(), DbError> {
    if newsletter.newsletter.clock == WhoseClock::Newsletter {
        return Ok(());
    }
    let clock = subscription.preferences().clock();
    for issue in issues::planned(tx, newsletter.id).await? {
        let moment = due_on(&newsletter.newsletter, &clock, issue.date());
        if moment > now && issue.due().and(Due::at(moment)) != issue.due() {
            issues::stretch_due(tx, issue.id, moment, now).await?;
        }
    }
    begin_without(tx, newsletter, &clock, now).await
}

/// Where a coming date is over on this clock already, its issue is begun here, for the moments that are still to come: the schedule
/// would take it for late, and freeze it at once.
async fn begin_without(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    clock: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let it = &newsletter.newsletter;
    let today = schedule::date_at(it, now);
    let taken = issues::dates_from(tx, newsletter.id, today).await?;
    let ahead = (0..=2).filter_map(|days| today.checked_add(jiff::Span::new().days(days)).ok());
    for date in ahead.filter(|date| it.days.contain(*date) && !taken.contains(date)) {
        if schedule::due_at(it, date) <= now || due_on(it, clock, date) > now {
            continue;
        }
        let clocks = subscriptions::clocks_of(tx, newsletter).await?;
        let moments = clocks.iter().map(|clock| due_on(it, clock, date)).filter(|moment| *moment > now);
        let due = moments.map(Due::at).reduce(Due::and).unwrap_or(Due::at(schedule::due_at(it, date)));
        issues::insert(tx, newsletter.id, date, due, IssueStatus::Planned, None, now).await?;
    }
    Ok(())
}

const fn can_choose(subscription: &SubscriptionRecord) -> bool {
    matches!(subscription.status, SubscriptionStatus::Active | SubscriptionStatus::Paused)
}
