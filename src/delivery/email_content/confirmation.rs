//! "Please confirm".

use crate::{
    db::{
        DbError, Tx, newsletters,
        subscribers::{self, SubscriptionRecord},
    },
    delivery::email_content::{Content, Making},
    domain::{delivery::email::EmailKind, subscriber::subscription::SubscriptionStatus, token::Purpose},
};
use email_templates::confirmation::{self, Confirmation};

pub(super) async fn content(
    making: &Making<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    let Some(id) = making.mail.confirmation_id else {
        return Ok(Content::Unwanted(crate::delivery::email_content::GONE));
    };
    // All that one signup asked for is confirmed by one link: what is still open of it is named.
    let mut titles = Vec::new();
    for it in subscribers::confirmed_together(tx, id).await? {
        let of = if it.subscription_id == subscription.id {
            Some(subscription.clone())
        } else {
            subscribers::get(tx, it.subscription_id).await?
        };
        let Some(of) = of else { continue };
        if of.status == SubscriptionStatus::Pending && it.used_at.is_none() && it.expires_at.0 > making.now {
            titles.push(newsletters::get(tx, of.newsletter_id).await?.newsletter.title);
        }
    }
    if titles.is_empty() {
        return Ok(Content::Unwanted("there is nothing left to confirm"));
    }
    let token = making.context.keys.sign(Purpose::Confirm, id.0);
    let write = match making.mail.kind {
        EmailKind::ConfirmationReminder => confirmation::remind,
        _ => confirmation::render,
    };
    let email = write(&Confirmation {
        masthead: making.masthead_for(subscription),
        confirm_url: &format!("{}/confirm/{token}", making.public_url()),
        expires_in_days: making.context.settings.signup.confirmation_days,
        address: making.mail.recipient.as_str(),
        titles: &titles.join(", "),
    });
    Ok(Content::Mail { email, unsubscribe_url: None })
}
