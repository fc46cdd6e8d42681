//! "Please confirm".

use super::{Content, Making};
use crate::{
    db::{
        DbError, Tx,
        subscriptions::{self, SubscriptionRecord},
    },
    domain::{ids::ConfirmationId, mail::MailKind, subscription::SubscriptionStatus, token::Purpose},
};
use email_templates::confirmation::{self, Confirmation};

pub(super) async fn content(
    making: &Making<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    let Some(id) = making.mail.confirmation_id else { return Ok(Content::Unwanted(super::GONE)) };
    let confirmation = subscriptions::confirmation(tx, ConfirmationId(id)).await?;
    let open = subscription.status == SubscriptionStatus::Pending
        && confirmation.is_some_and(|it| it.used_at.is_none() && it.expires_at.0 > making.now);
    if !open {
        return Ok(Content::Unwanted("there is nothing left to confirm"));
    }
    let token = making.context.keys.sign(Purpose::Confirm, id);
    let write = match making.mail.kind {
        MailKind::ConfirmationReminder => confirmation::remind,
        _ => confirmation::render,
    };
    let email = write(&Confirmation {
        masthead: making.masthead(),
        confirm_url: &format!("{}/confirm/{token}", making.public_url()),
        expires_in_days: making.context.rules.confirmation_days,
        address: making.mail.recipient.as_str(),
    });
    Ok(Content::Mail { email, unsubscribe_url: None })
}
