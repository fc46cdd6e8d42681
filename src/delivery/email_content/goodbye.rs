//! The email that confirms the end of a subscription.

use crate::{
    db::subscribers::SubscriptionRecord,
    delivery::email_content::{Content, EmailRequest},
    domain::subscriber::subscription::SubscriptionStatus,
};
use email_templates::goodbye::{self, Goodbye};

pub(super) fn content(request: &EmailRequest<'_>, subscription: &SubscriptionRecord) -> Content {
    if subscription.status != SubscriptionStatus::Unsubscribed {
        return Content::NotNeeded("the reader has come back, or must not be mailed");
    }
    let email = goodbye::render(&Goodbye {
        masthead: request.masthead_for(subscription),
        sign_up_url: &request.letterhead.sign_up_url,
        address: request.mail.recipient.as_str(),
    });
    Content::Email { email, unsubscribe_url: None, revision: None }
}
