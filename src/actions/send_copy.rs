//! A reader asks for a copy of everything that is held about them: a link comes by mail, works for a day, and its page has one button
//! that hands the copy out.

use super::{Context, held_page, mail_about, rate_limiter};
use crate::{
    db::{
        DbError, Stamp, Tx,
        newsletters::{self, NewsletterRecord},
        reader_requests,
        subscriptions::{self, SubscriptionRecord},
    },
    domain::{
        email_address::EmailAddress,
        ids::{RequestId, SubscriptionId},
        mail::MailKind,
        reader_request::{LIMIT, LIMIT_OF_LEFT, RequestKind},
        token::Purpose,
    },
};
use jiff::SignedDuration;

/// What became of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A mail is on its way.
    Sent,
    /// That was often enough; how long until it may be asked again.
    TooMany(SignedDuration),
    /// The reader is nobody any more.
    Gone,
}

/// What the link leads to.
#[derive(Debug, Clone)]
pub enum CopyLink {
    /// Not a link of ours, or altered on the way, or of a reader who was forgotten.
    Unknown,
    /// It is too old, or was sent to an address the reader no longer has.
    Expired {
        /// In whose name it was sent.
        newsletter: Box<NewsletterRecord>,
        /// The language the reader reads in.
        language: Option<String>,
    },
    /// The copy can be had.
    Ready {
        /// In whose name it was sent.
        newsletter: Box<NewsletterRecord>,
        /// The language the reader reads in.
        language: Option<String>,
        /// Whose copy.
        address: EmailAddress,
    },
}

/// Sends the link to the reader of a subscription; also where it has ended: what is held about whoever has left is theirs, too.
pub async fn ask(context: &Context, id: SubscriptionId) -> Result<Asked, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(subscription) = subscriptions::of_link(&mut tx, id).await? else { return Ok(Asked::Gone) };
    let (reader, address) = (subscription.subscriber_id, &subscription.address);
    let is_reader = subscription.status.is_confirmed();
    let (line, limit) = if is_reader {
        (format!("copy {reader}"), LIMIT)
    } else {
        (format!("copy of left {reader}"), LIMIT_OF_LEFT)
    };
    if let Err(wait) = rate_limiter::check(context, &mut tx, &line, limit).await? {
        return Ok(Asked::TooMany(wait));
    }
    // To whoever gets no newsletter it is a mail that strangers may cause.
    if !is_reader && let Ok(address) = EmailAddress::parse(address) {
        let (line, limit) =
            (format!("address {}", address.inbox()), context.mails_per_address.unwrap_or(LIMIT));
        if let Err(wait) = rate_limiter::check(context, &mut tx, &line, limit).await? {
            return Ok(Asked::TooMany(wait));
        }
    }
    let request = reader_requests::insert(&mut tx, id, RequestKind::Copy, address, None, now).await?;
    mail_about(context, &mut tx, MailKind::CopyLink, &subscription, address, request).await?;
    tx.commit().await?;
    Ok(Asked::Sent)
}

/// Looks at a link without handing anything out: mail scanners follow links too.
pub async fn look(context: &Context, token: &str) -> Result<CopyLink, DbError> {
    let mut tx = context.db.read().await?;
    find(context, &mut tx, token).await
}

/// The copy, to be read by people. `Err`: what the link leads to instead.
pub async fn copy(context: &Context, token: &str) -> Result<Result<String, CopyLink>, DbError> {
    let mut tx = context.db.read().await?;
    let state = find(context, &mut tx, token).await?;
    let CopyLink::Ready { address, .. } = &state else { return Ok(Err(state)) };
    Ok(match subscriptions::held(&mut tx, address).await? {
        Some(held) => Ok(held_page::page(&held, Stamp(context.clock.now()))),
        None => Err(CopyLink::Unknown),
    })
}

async fn find(context: &Context, tx: &mut Tx, token: &str) -> Result<CopyLink, DbError> {
    let Some(id) = context.keys.verify(Purpose::Copy, token) else { return Ok(CopyLink::Unknown) };
    let Some(request) = reader_requests::get(tx, RequestId(id)).await? else { return Ok(CopyLink::Unknown) };
    let Some(subscription) = subscriptions::of_link(tx, request.subscription_id).await? else {
        return Ok(CopyLink::Unknown);
    };
    let newsletter = Box::new(newsletters::get(tx, subscription.newsletter_id).await?);
    let SubscriptionRecord { address, language, .. } = subscription;
    let is_old = request.expires_at.0 <= context.clock.now() || request.old_address != address;
    Ok(match EmailAddress::parse(&address) {
        Ok(address) if !is_old && request.kind == RequestKind::Copy => {
            CopyLink::Ready { newsletter, language, address }
        }
        _ => CopyLink::Expired { newsletter, language },
    })
}
