//! "You are in already".

use super::{Content, Making};
use crate::{db::subscriptions::SubscriptionRecord, domain::subscription::SubscriptionStatus};
use email_templates::already_subscribed::{self, AlreadySubscribed};

pub(super) fn content(making: &Making<'_>, subscription: &SubscriptionRecord) -> Content {
    if !subscription.status.is_confirmed() {
        return Content::Unwanted("the reader is not subscribed any more");
    }
    let links = making.own_links(subscription.id);
    let already = AlreadySubscribed {
        masthead: making.masthead_for(subscription),
        unsubscribe_url: &links.unsubscribe,
        archive_url: &format!("{}/issues", making.public_url()),
        address: making.mail.recipient.as_str(),
    };
    let email = match subscription.status {
        SubscriptionStatus::Paused => already_subscribed::render_paused(&already, &links.preferences),
        _ => already_subscribed::render(&already),
    };
    Content::Mail { email, unsubscribe_url: Some(links.unsubscribe) }
}
