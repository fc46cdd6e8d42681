//! "You have left": the one mail that goes to a reader whose subscription has ended.

use crate::{
    db::subscribers::SubscriptionRecord,
    delivery::email_content::{Content, Making},
    domain::subscriber::subscription::SubscriptionStatus,
};
use email_templates::goodbye::{self, Goodbye};

pub(super) fn content(making: &Making<'_>, subscription: &SubscriptionRecord) -> Content {
    if subscription.status != SubscriptionStatus::Unsubscribed {
        return Content::Unwanted("the reader has come back, or must not be mailed");
    }
    let sign_up_url = format!("{}/?newsletter={}", making.public_url(), making.newsletter.newsletter.slug);
    let email = goodbye::render(&Goodbye {
        masthead: making.masthead_for(subscription),
        sign_up_url: &sign_up_url,
        address: making.mail.recipient.as_str(),
    });
    Content::Mail { email, unsubscribe_url: None }
}
