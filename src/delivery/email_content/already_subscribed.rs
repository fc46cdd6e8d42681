//! "You are in already": all that the reader gets, whichever of it was asked for again.

use crate::{
    db::{
        DbError, Tx, newsletters,
        subscribers::{self, SubscriptionRecord},
    },
    delivery::email_content::{Content, Making},
    domain::subscriber::subscription::SubscriptionStatus,
};
use email_templates::already_subscribed::{self, AlreadySubscribed, Resting};

pub(super) async fn content(
    making: &Making<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    if !subscription.status.is_confirmed() {
        return Ok(Content::Unwanted("the reader is not subscribed any more"));
    }
    let (mut coming, mut resting) = (Vec::new(), Vec::new());
    for it in subscribers::for_subscriber(tx, subscription.subscriber_id).await? {
        let title = newsletters::get(tx, it.newsletter_id).await?.newsletter.title;
        match it.status {
            SubscriptionStatus::Active => coming.push(title),
            SubscriptionStatus::Paused => resting.push((title, making.own_links(it.id).preferences)),
            _ => {}
        }
    }
    let coming: Vec<&str> = coming.iter().map(String::as_str).collect();
    let resting: Vec<Resting<'_>> =
        resting.iter().map(|(title, url)| Resting { title, preferences_url: url }).collect();
    let links = making.own_links(subscription.id);
    let email = already_subscribed::render(&AlreadySubscribed {
        masthead: making.masthead_for(subscription),
        coming: &coming,
        resting: &resting,
        unsubscribe_url: &links.unsubscribe,
        archive_url: &format!("{}/issues", making.public_url()),
        address: making.mail.recipient.as_str(),
    });
    Ok(Content::Mail { email, unsubscribe_url: Some(links.unsubscribe) })
}
