//! The links that a reader asked for on their own page.

use crate::{
    db::{
        DbError, Tx,
        subscribers::{SubscriptionRecord, requests},
    },
    delivery::email_content::{Content, GONE, Making},
    domain::{delivery::email::EmailKind, subscriber::email_address::EmailAddress, token::Purpose},
};
use email_templates::request::{self, Request, Wish};

pub(super) async fn content(
    making: &Making<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    let Some(id) = making.mail.request_id else { return Ok(Content::Unwanted(GONE)) };
    let Some(asked) = requests::get(tx, id).await? else { return Ok(Content::Unwanted(GONE)) };
    // A reader who has unsubscribed may have a data export, too.
    let is_theirs = making.mail.kind == EmailKind::DataExport || subscription.status.is_confirmed();
    let is_open = asked.done_at.is_none()
        && asked.expires_at.0 > making.now
        && asked.old_address == subscription.address
        && is_theirs;
    if !is_open {
        return Ok(Content::Unwanted("what was asked for is done, or no longer wanted"));
    }
    let new = asked.new_address.as_ref().map(EmailAddress::as_str).unwrap_or_default();
    let (wish, purpose, path) = match making.mail.kind {
        EmailKind::OldAddress => (Wish::FromHere { new }, Purpose::OldAddress, "address"),
        EmailKind::NewAddress => (Wish::ToHere, Purpose::NewAddress, "address"),
        _ => (Wish::Copy, Purpose::DataExport, "data-export"),
    };
    let token = making.context.keys.sign(purpose, id.0);
    let email = request::render(&Request {
        masthead: making.masthead_for(subscription),
        wish,
        url: &format!("{}/{path}/{token}", making.public_url()),
        expires_in_days: u32::try_from(asked.kind.lifetime().as_hours() / 24).unwrap_or(1),
        address: making.mail.recipient.as_str(),
    });
    Ok(Content::Mail { email, unsubscribe_url: None })
}
