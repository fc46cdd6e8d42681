//! A reader asks for another address. Both the old and the new one confirm it, each with a link sent by email; then the
//! subscriptions move.

use crate::{
    actions::{
        mail_about, rate_limiter, subscription::context::SubscriptionContext,
        subscription::move_reader::move_reader,
    },
    db::{
        DbError, Tx, is_retryable, is_unique_violation,
        newsletters::{self, NewsletterRecord},
        subscribers::{
            self, Evidence, SubscriptionRecord,
            requests::{self, End, ReaderRequest},
        },
    },
    domain::{
        delivery::email::EmailKind,
        ids::{RequestId, SubscriptionId},
        subscriber::{
            email_address::EmailAddress,
            request::{LIMIT, RequestKind},
        },
        token::Purpose,
    },
};
use jiff::SignedDuration;

/// The answer to a request. It does not depend on what is known of the new address, so it reveals no subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// An email is on its way to each address.
    Sent,
    /// It is the reader's address already.
    Same,
    /// The address is disposable, or a role account on a site that does not allow these.
    Refused,
    /// The limit is reached; how long until the next request is allowed.
    TooMany(SignedDuration),
    /// The reader has unsubscribed meanwhile.
    Gone,
}

/// The state of the change that a link belongs to.
#[derive(Debug, Clone)]
pub enum Change {
    /// Not one of our links, or damaged in transit.
    Unknown,
    /// The link is too old, the change is superseded by another one, or it can't be made.
    Expired(Box<About>),
    /// The button can be pressed.
    Ready(Box<About>),
    /// This address has confirmed, the other one has not.
    Waiting(Box<About>),
    /// The change is made: just now, or by an earlier click.
    Done(Box<About>),
}

/// A change of address, as a page describes it.
#[derive(Debug, Clone)]
pub struct About {
    /// The newsletter whose page the request came from.
    pub newsletter: NewsletterRecord,
    /// The reader's language.
    pub language: Option<String>,
    /// The old address. `None` on the new one's page, which may be a stranger's.
    pub old_address: Option<String>,
    /// The new address.
    pub new_address: String,
    /// The titles of the newsletters that both addresses get: the new one's subscriptions stay, the old one's end. Only the new
    /// address's page says so, because it reveals a subscription. Empty: there are none.
    pub already_subscribed: String,
}

/// Sends a link to both addresses.
pub async fn ask(
    context: &SubscriptionContext,
    id: SubscriptionId,
    new: &EmailAddress,
) -> Result<Asked, DbError> {
    let now = context.clock.now();
    if context.address_policy.check(new, now).is_err() {
        return Ok(Asked::Refused);
    }
    let mut tx = context.db.begin().await?;
    let Some(subscription) = subscribers::for_link(&mut tx, id).await? else { return Ok(Asked::Gone) };
    if !subscription.status.is_confirmed() {
        return Ok(Asked::Gone);
    }
    let old = &subscription.address;
    if old.key() == new.key() {
        return Ok(Asked::Same);
    }
    let name = format!("change {}", subscription.subscriber_id);
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &name, LIMIT, now).await? {
        return Ok(Asked::TooMany(wait));
    }
    // The limit of signups for the new address holds here too, so that many readers can't have one stranger emailed many times. The
    // answer does not depend on it: it would say something about the new address.
    let (line, limit) = (format!("address {}", new.inbox()), context.emails_per_address.unwrap_or(LIMIT));
    let may_mail = rate_limiter::check(&mut tx, &context.keys, &line, limit, now).await?.is_ok();
    let request = requests::insert(&mut tx, id, RequestKind::Address, old, Some(new), now).await?;
    mail_about(&context.queue, &mut tx, EmailKind::OldAddress, &subscription, old, request, now).await?;
    if may_mail {
        mail_about(&context.queue, &mut tx, EmailKind::NewAddress, &subscription, new, request, now).await?;
    }
    tx.commit().await?;
    Ok(Asked::Sent)
}

/// Reads a link without changing anything, because mail scanners follow links too.
pub async fn look(context: &SubscriptionContext, token: &str) -> Result<Change, DbError> {
    let mut tx = context.db.read().await?;
    let Some((end, request, subscription, newsletter)) = find(context, &mut tx, token).await? else {
        return Ok(Change::Unknown);
    };
    let mut change = judge(context, end, &request, &subscription, newsletter);
    if let (End::New, Change::Ready(about)) = (end, &mut change) {
        about.already_subscribed = already_subscribed(&mut tx, &request, &subscription).await?;
    }
    Ok(change)
}

/// The titles of the newsletters that both addresses of a change get.
async fn already_subscribed(
    tx: &mut Tx,
    request: &ReaderRequest,
    subscription: &SubscriptionRecord,
) -> Result<String, DbError> {
    let Some(new) = &request.new_address else { return Ok(String::new()) };
    let own = subscribers::for_subscriber(tx, subscription.subscriber_id).await?;
    let mut titles = Vec::new();
    for it in subscribers::for_address(tx, new).await? {
        let is_own =
            |own: &SubscriptionRecord| own.newsletter_id == it.newsletter_id && own.status.is_confirmed();
        if it.status.is_confirmed() && own.iter().any(is_own) {
            titles.push(newsletters::get(tx, it.newsletter_id).await?.newsletter.title);
        }
    }
    Ok(titles.join(", "))
}

/// Attempts at a change that conflicts with another transaction.
const ATTEMPTS: u8 = 3;

/// Confirms one address, and makes the change once both have confirmed. A second press gives the same answer as the first. The change
/// touches many rows of a reader, so a conflict with another transaction is tried again.
pub async fn confirm(
    context: &SubscriptionContext,
    token: &str,
    evidence: &Evidence,
) -> Result<Change, DbError> {
    let mut attempt = 1;
    loop {
        match try_confirm(context, token, evidence).await {
            // A unique violation: the new address has signed up at this moment, and is a known one from now on.
            Err(error) if attempt < ATTEMPTS && (is_retryable(&error) || is_unique_violation(&error)) => {
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

async fn try_confirm(
    context: &SubscriptionContext,
    token: &str,
    evidence: &Evidence,
) -> Result<Change, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some((end, request, subscription, newsletter)) = find_for_update(context, &mut tx, token).await?
    else {
        return Ok(Change::Unknown);
    };
    let about = match judge(context, end, &request, &subscription, newsletter) {
        Change::Ready(about) => about,
        other => return Ok(other),
    };
    requests::set_confirmed(&mut tx, request.id, end, evidence, now).await?;
    let request = requests::get(&mut tx, request.id).await?.unwrap_or(request);
    let change = match (request.press(End::Old), request.press(End::New)) {
        (Some(old), Some(new)) => {
            let reader = subscription.subscriber_id;
            if move_reader(&mut tx, reader, &request, (&old, &new), now).await? {
                requests::set_done(&mut tx, request.id, now).await?;
                Change::Done(about)
            } else {
                // The row keeps that both addresses confirmed.
                requests::close(&mut tx, request.id, now).await?;
                Change::Expired(about)
            }
        }
        _ => Change::Waiting(about),
    };
    tx.commit().await?;
    Ok(change)
}

/// Finds the change that a link belongs to, and locks all that it would touch before reading it: of two presses at once the second
/// sees what the first did, and nobody unsubscribes in between.
async fn find_for_update(
    context: &SubscriptionContext,
    tx: &mut Tx,
    token: &str,
) -> Result<Option<Found>, DbError> {
    let mut locked = Vec::new();
    loop {
        let Some(found) = find(context, tx, token).await? else { return Ok(None) };
        let mut readers = vec![found.2.subscriber_id];
        if let Some(new) = &found.1.new_address {
            readers.extend(subscribers::get_by_address(tx, new).await?);
        }
        // Another reader may have taken an address while the locks were waited for.
        if readers == locked {
            return Ok(Some(found));
        }
        subscribers::lock_readers(tx, &readers).await?;
        locked = readers;
    }
}

type Found = (End, ReaderRequest, SubscriptionRecord, NewsletterRecord);

async fn find(context: &SubscriptionContext, tx: &mut Tx, token: &str) -> Result<Option<Found>, DbError> {
    let ends = [(Purpose::OldAddress, End::Old), (Purpose::NewAddress, End::New)];
    let named = ends.into_iter().find_map(|(purpose, end)| Some((end, context.keys.verify(purpose, token)?)));
    let Some((end, id)) = named else { return Ok(None) };
    let Some(request) = requests::get(tx, RequestId(id)).await? else { return Ok(None) };
    let Some(subscription) = subscribers::for_link(tx, request.subscription_id).await? else {
        return Ok(None);
    };
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    Ok(Some((end, request, subscription, newsletter)))
}

fn judge(
    context: &SubscriptionContext,
    end: End,
    request: &ReaderRequest,
    subscription: &SubscriptionRecord,
    newsletter: NewsletterRecord,
) -> Change {
    let about = Box::new(About {
        newsletter,
        language: subscription.language.clone(),
        old_address: (end == End::Old).then(|| request.old_address.to_string()),
        new_address: request.new_address.as_ref().map(EmailAddress::to_string).unwrap_or_default(),
        already_subscribed: String::new(),
    });
    let confirmed = match end {
        End::Old => request.old_confirmed_at,
        End::New => request.new_confirmed_at,
    };
    let is_open = request.expires_at.0 > context.clock.now()
        && request.old_address == subscription.address
        && subscription.status.is_confirmed();
    match (request.done_at, confirmed) {
        (Some(_), _) => Change::Done(about),
        (None, _) if !is_open => Change::Expired(about),
        (None, Some(_)) => Change::Waiting(about),
        (None, None) => Change::Ready(about),
    }
}
