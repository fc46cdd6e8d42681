//! "You are in already".

use super::{Content, Making};
use crate::{db::subscriptions::SubscriptionRecord, domain::subscription::SubscriptionStatus};
use email_templates::already_subscribed::{self, AlreadySubscribed};

pub(super) fn content(making: &Making<'_>, subscription: &SubscriptionRecord) -> Content {
    if subscription.status != SubscriptionStatus::Active {
        return Content::Unwanted("the reader is not subscribed any more");
    }
    let links = making.own_links(subscription.id);
    let email = already_subscribed::render(&AlreadySubscribed {
        masthead: making.masthead_for(subscription),
        unsubscribe_url: &links.unsubscribe,
        archive_url: &format!("{}/issues", making.public_url()),
        address: making.mail.recipient.as_str(),
    });
    Content::Mail { email, unsubscribe_url: Some(links.unsubscribe) }
}
