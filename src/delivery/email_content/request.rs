//! Emails with the links for a reader's request: data export or change of address.

use crate::{
    db::{
        DbError, Tx,
        subscribers::{SubscriptionRecord, requests},
    },
    delivery::email_content::{Content, EmailRequest, GONE},
    domain::{delivery::email::EmailKind, subscriber::email_address::EmailAddress, token::Purpose},
};
use email_templates::request::{self, Request, RequestKind};

pub(super) async fn content(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    let Some(id) = request.mail.request_id else { return Ok(Content::NotNeeded(GONE)) };
    let Some(pending) = requests::get(tx, id).await? else { return Ok(Content::NotNeeded(GONE)) };
    // Readers can export their data even after unsubscribing.
    let is_allowed = request.mail.kind == EmailKind::DataExport || subscription.status.is_confirmed();
    let is_open = pending.done_at.is_none()
        && pending.expires_at.0 > request.now
        && pending.old_address == subscription.address
        && is_allowed;
    if !is_open {
        return Ok(Content::NotNeeded("what was asked for is done, or no longer wanted"));
    }
    let new = pending.new_address.as_ref().map(EmailAddress::as_str).unwrap_or_default();
    let (kind, purpose, path) = match request.mail.kind {
        EmailKind::OldAddress => (RequestKind::OldAddress { new }, Purpose::OldAddress, "address"),
        EmailKind::NewAddress => (RequestKind::NewAddress, Purpose::NewAddress, "address"),
        _ => (RequestKind::DataExport, Purpose::DataExport, "data-export"),
    };
    let token = request.context.keys.sign(purpose, id.0);
    let email = request::render(&Request {
        masthead: request.masthead_for(subscription),
        kind,
        url: &format!("{}/{path}/{token}", request.public_url()),
        expires_in_days: u32::try_from(pending.kind.lifetime().as_hours() / 24).unwrap_or(1),
        address: request.mail.recipient.as_str(),
    });
    Ok(Content::Email { email, unsubscribe_url: None, revision: None })
}
