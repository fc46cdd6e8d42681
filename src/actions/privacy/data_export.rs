//! A reader requests a data export. The link comes by email and works for a day. Its page has a button that
//! downloads the file.

use crate::{
    actions::{enqueue_request_email, rate_limiter, subscription::context::SubscriptionContext},
    db::{
        DbError, Tx,
        newsletters::{self, NewsletterRecord},
        subscribers::{
            self, SubscriptionRecord,
            data_export::{self, DataExport},
            requests,
        },
    },
    domain::{
        delivery::email::EmailKind,
        ids::{RequestId, SubscriptionId},
        subscriber::{
            email_address::EmailAddress,
            request::{LIMIT, LIMIT_UNSUBSCRIBED, RequestKind},
        },
        token::Purpose,
    },
};
use jiff::SignedDuration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportRequestOutcome {
    /// An email is on its way.
    Sent,
    /// A rate limit was reached. The next request is accepted after this time.
    TooMany(SignedDuration),
    /// The reader's data was erased.
    Erased,
}

/// The state of a link.
#[derive(Debug, Clone)]
pub enum ExportLink {
    /// The link is invalid, or the reader's data was erased.
    Unknown,
    /// The link is too old, or the reader has changed the address since.
    Expired { newsletter: Box<NewsletterRecord>, language: Option<String> },
    /// The file can be downloaded.
    Ready { newsletter: Box<NewsletterRecord>, language: Option<String>, address: EmailAddress },
}

/// Emails the link to the reader of a subscription, even an ended one.
pub async fn request_export(
    context: &SubscriptionContext,
    id: SubscriptionId,
) -> Result<ExportRequestOutcome, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(subscription) = subscribers::for_link(&mut tx, id).await? else {
        return Ok(ExportRequestOutcome::Erased);
    };
    let (reader, address) = (subscription.subscriber_id, &subscription.address);
    let is_reader = subscription.status.is_confirmed();
    let (name, limit) = if is_reader {
        (format!("data export {reader}"), LIMIT)
    } else {
        (format!("data export unsubscribed {reader}"), LIMIT_UNSUBSCRIBED)
    };
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &name, limit, now).await? {
        return Ok(ExportRequestOutcome::TooMany(wait));
    }
    // Someone else may have signed the address up, or have an old email with a link, so the limit for unsolicited
    // email applies too.
    let (name, limit) = (format!("address {}", address.inbox()), context.emails_per_address.unwrap_or(LIMIT));
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &name, limit, now).await? {
        return Ok(ExportRequestOutcome::TooMany(wait));
    }
    let request = requests::insert(&mut tx, id, RequestKind::DataExport, address, None, now).await?;
    enqueue_request_email(
        &context.queue,
        &mut tx,
        EmailKind::DataExport,
        &subscription,
        address,
        request,
        now,
    )
    .await?;
    tx.commit().await?;
    Ok(ExportRequestOutcome::Sent)
}

/// Returns the state of a link and reveals no data, because mail scanners follow links too.
pub async fn inspect_link(context: &SubscriptionContext, token: &str) -> Result<ExportLink, DbError> {
    let mut tx = context.db.read().await?;
    find(context, &mut tx, token).await
}

/// Reads the data export of a link. The inner `Err` is the state of a link without one.
pub async fn read(
    context: &SubscriptionContext,
    token: &str,
) -> Result<Result<DataExport, ExportLink>, DbError> {
    let mut tx = context.db.read().await?;
    let state = find(context, &mut tx, token).await?;
    let ExportLink::Ready { address, .. } = &state else { return Ok(Err(state)) };
    let export = data_export::read(&mut tx, address, context.clock.now()).await?;
    Ok(export.ok_or(ExportLink::Unknown))
}

async fn find(context: &SubscriptionContext, tx: &mut Tx, token: &str) -> Result<ExportLink, DbError> {
    let Some(id) = context.keys.verify(Purpose::DataExport, token) else { return Ok(ExportLink::Unknown) };
    let Some(request) = requests::get(tx, RequestId(id)).await? else {
        return Ok(ExportLink::Unknown);
    };
    let Some(subscription) = subscribers::for_link(tx, request.subscription_id).await? else {
        return Ok(ExportLink::Unknown);
    };
    let newsletter = Box::new(newsletters::get(tx, subscription.newsletter_id).await?);
    let SubscriptionRecord { address, language, .. } = subscription;
    let is_expired = request.expires_at.0 <= context.clock.now() || request.old_address != address;
    Ok(if !is_expired && request.kind == RequestKind::DataExport {
        ExportLink::Ready { newsletter, language, address }
    } else {
        ExportLink::Expired { newsletter, language }
    })
}
