//! A reader asks for all that is held about them. A link comes by email and works for a day; its page has one button, which downloads
//! the file.

use crate::{
    actions::{mail_about, rate_limiter, subscription::context::SubscriptionContext},
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

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// An email is on its way.
    Sent,
    /// The limit is reached; how long until the next request is allowed.
    TooMany(SignedDuration),
    /// The reader was forgotten.
    Gone,
}

/// The state of a link.
#[derive(Debug, Clone)]
pub enum ExportLink {
    /// Not one of our links, damaged in transit, or of a reader who was forgotten.
    Unknown,
    /// The link is too old, or was sent to an address that the reader no longer has.
    Expired {
        /// The newsletter in whose name it was sent.
        newsletter: Box<NewsletterRecord>,
        /// The reader's language.
        language: Option<String>,
    },
    /// The file can be downloaded.
    Ready {
        /// The newsletter in whose name it was sent.
        newsletter: Box<NewsletterRecord>,
        /// The reader's language.
        language: Option<String>,
        /// The address that the export is about.
        address: EmailAddress,
    },
}

/// Sends the link to the reader of a subscription, even one that has ended.
pub async fn ask(context: &SubscriptionContext, id: SubscriptionId) -> Result<Asked, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(subscription) = subscribers::for_link(&mut tx, id).await? else { return Ok(Asked::Gone) };
    let (reader, address) = (subscription.subscriber_id, &subscription.address);
    let is_reader = subscription.status.is_confirmed();
    let (line, limit) = if is_reader {
        (format!("data export {reader}"), LIMIT)
    } else {
        (format!("data export unsubscribed {reader}"), LIMIT_UNSUBSCRIBED)
    };
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &line, limit, now).await? {
        return Ok(Asked::TooMany(wait));
    }
    // To a reader without a subscription it is an email that strangers may cause.
    if !is_reader {
        let (line, limit) =
            (format!("address {}", address.inbox()), context.emails_per_address.unwrap_or(LIMIT));
        if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &line, limit, now).await? {
            return Ok(Asked::TooMany(wait));
        }
    }
    let request = requests::insert(&mut tx, id, RequestKind::DataExport, address, None, now).await?;
    mail_about(&context.queue, &mut tx, EmailKind::DataExport, &subscription, address, request, now).await?;
    tx.commit().await?;
    Ok(Asked::Sent)
}

/// Reads a link without handing anything out, because mail scanners follow links too.
pub async fn look(context: &SubscriptionContext, token: &str) -> Result<ExportLink, DbError> {
    let mut tx = context.db.read().await?;
    find(context, &mut tx, token).await
}

/// Reads the export that a link leads to. `Err`: the state of a link that leads to none.
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
    let is_old = request.expires_at.0 <= context.clock.now() || request.old_address != address;
    Ok(if !is_old && request.kind == RequestKind::DataExport {
        ExportLink::Ready { newsletter, language, address }
    } else {
        ExportLink::Expired { newsletter, language }
    })
}
