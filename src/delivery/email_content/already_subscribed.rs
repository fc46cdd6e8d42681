//! The "already subscribed" email. It lists all of the reader's subscriptions, whichever was requested again.

use crate::{
    db::{
        DbError, Tx, newsletters,
        subscribers::{self, SubscriptionRecord},
    },
    delivery::email_content::{Content, EmailRequest},
    domain::subscriber::subscription::SubscriptionStatus,
};
use email_templates::already_subscribed::{self, AlreadySubscribed, PausedSubscription};

pub(super) async fn content(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    if !subscription.status.is_confirmed() {
        return Ok(Content::NotNeeded("the reader is not subscribed any more"));
    }
    let (mut active, mut paused) = (Vec::new(), Vec::new());
    for own in subscribers::for_subscriber(tx, subscription.subscriber_id).await? {
        let title = newsletters::get(tx, own.newsletter_id).await?.newsletter.title;
        match own.status {
            SubscriptionStatus::Active => active.push(title),
            SubscriptionStatus::Paused => paused.push((title, request.reader_links(own.id).preferences)),
            _ => {}
        }
    }
    let active: Vec<&str> = active.iter().map(String::as_str).collect();
    let paused: Vec<PausedSubscription<'_>> =
        paused.iter().map(|(title, url)| PausedSubscription { title, preferences_url: url }).collect();
    let links = request.reader_links(subscription.id);
    let email = already_subscribed::render(&AlreadySubscribed {
        masthead: request.masthead_for(subscription),
        active: &active,
        paused: &paused,
        unsubscribe_url: &links.unsubscribe,
        archive_url: &format!("{}/issues", request.public_url()),
        address: request.mail.recipient.as_str(),
    });
    Ok(Content::Email { email, unsubscribe_url: Some(links.unsubscribe), revision: None })
}
