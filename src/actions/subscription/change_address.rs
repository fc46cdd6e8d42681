//! A reader changes the address. Both addresses confirm by a link sent by email, then the subscriptions move.

use crate::{
    actions::{
        enqueue_request_email, rate_limiter, subscription::context::SubscriptionContext,
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

/// The result of a request. It doesn't depend on the new address's subscriptions, so it doesn't reveal them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeRequestOutcome {
    /// An email is on its way to each address.
    Sent,
    /// The new address is the current one.
    Same,
    /// The new address is disposable, or a role address that is not allowed.
    Refused,
    /// A rate limit was reached. The next request is accepted after this time.
    TooMany(SignedDuration),
    /// The reader has unsubscribed meanwhile.
    Unsubscribed,
}

/// The state of a link that confirms a change of address.
#[derive(Debug, Clone)]
pub enum AddressChangeLink {
    /// The link is invalid.
    Unknown,
    /// The link is too old, or the change was superseded or can't be made.
    Expired(Box<AddressChange>),
    /// This address can confirm.
    Ready(Box<AddressChange>),
    /// This address has confirmed, the other one hasn't.
    Waiting(Box<AddressChange>),
    /// The change was made, now or before.
    Done(Box<AddressChange>),
}

/// A change of address, for its page.
#[derive(Debug, Clone)]
pub struct AddressChange {
    /// The newsletter whose preferences page the request came from.
    pub newsletter: NewsletterRecord,
    pub language: Option<String>,
    /// `None` on the new address's page, because that address may be a stranger's.
    pub old_address: Option<String>,
    pub new_address: String,
    /// Titles of the newsletters that both addresses get; may be empty. The subscriptions of the new address
    /// stay, those of the old one end. Only the new address's page shows the titles, because they reveal
    /// subscriptions.
    pub already_subscribed: String,
}

/// Emails a link to both addresses.
pub async fn request_change(
    context: &SubscriptionContext,
    id: SubscriptionId,
    new: &EmailAddress,
) -> Result<ChangeRequestOutcome, DbError> {
    let now = context.clock.now();
    if context.address_policy.check(new, now).is_err() {
        return Ok(ChangeRequestOutcome::Refused);
    }
    let mut tx = context.db.begin().await?;
    let Some(subscription) = subscribers::for_link(&mut tx, id).await? else {
        return Ok(ChangeRequestOutcome::Unsubscribed);
    };
    if !subscription.status.is_confirmed() {
        return Ok(ChangeRequestOutcome::Unsubscribed);
    }
    let old = &subscription.address;
    if old.key() == new.key() {
        return Ok(ChangeRequestOutcome::Same);
    }
    let name = format!("change {}", subscription.subscriber_id);
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &name, LIMIT, now).await? {
        return Ok(ChangeRequestOutcome::TooMany(wait));
    }
    // Links in old emails must not flood the inbox that they came from.
    let (name, limit) = (format!("address {}", old.inbox()), context.emails_per_address.unwrap_or(LIMIT));
    if let Err(wait) = rate_limiter::check(&mut tx, &context.keys, &name, limit, now).await? {
        return Ok(ChangeRequestOutcome::TooMany(wait));
    }
    // The new address's limit for signups applies here too, so that many readers together can't flood it. The
    // result doesn't depend on the limit, because it would reveal something about the new address.
    let (name, limit) = (format!("address {}", new.inbox()), context.emails_per_address.unwrap_or(LIMIT));
    let may_email = rate_limiter::check(&mut tx, &context.keys, &name, limit, now).await?.is_ok();
    let request = requests::insert(&mut tx, id, RequestKind::Address, old, Some(new), now).await?;
    enqueue_request_email(&context.queue, &mut tx, EmailKind::OldAddress, &subscription, old, request, now)
        .await?;
    if may_email {
        enqueue_request_email(
            &context.queue,
            &mut tx,
            EmailKind::NewAddress,
            &subscription,
            new,
            request,
            now,
        )
        .await?;
    }
    tx.commit().await?;
    Ok(ChangeRequestOutcome::Sent)
}

/// Returns the state of a link and changes nothing, because mail scanners follow links too.
pub async fn inspect_link(context: &SubscriptionContext, token: &str) -> Result<AddressChangeLink, DbError> {
    let mut tx = context.db.read().await?;
    let Some((end, request, subscription, newsletter)) = find(context, &mut tx, token).await? else {
        return Ok(AddressChangeLink::Unknown);
    };
    let mut change = link_state(context, end, &request, &subscription, newsletter);
    if let (End::New, AddressChangeLink::Ready(about)) = (end, &mut change) {
        about.already_subscribed = already_subscribed(&mut tx, &request, &subscription).await?;
    }
    Ok(change)
}

/// Returns the titles of the newsletters that both addresses get.
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

/// Most attempts at a change that conflicts with other transactions.
const ATTEMPTS: u8 = 3;

/// Confirms one address, and makes the change once both have confirmed. A second press returns the same. The
/// change locks many rows of a reader, so it is retried after a conflict with another transaction.
pub async fn confirm(
    context: &SubscriptionContext,
    token: &str,
    evidence: &Evidence,
) -> Result<AddressChangeLink, DbError> {
    let mut attempt = 1;
    loop {
        match try_confirm(context, token, evidence).await {
            // A unique violation means that the new address has just signed up. The next attempt finds it.
            Err(error) if attempt < ATTEMPTS && (is_retryable(&error) || is_unique_violation(&error)) => {
                attempt += 1;
            }
            result => return result,
        }
    }
}

async fn try_confirm(
    context: &SubscriptionContext,
    token: &str,
    evidence: &Evidence,
) -> Result<AddressChangeLink, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some((end, request, subscription, newsletter)) = find_for_update(context, &mut tx, token).await?
    else {
        return Ok(AddressChangeLink::Unknown);
    };
    let about = match link_state(context, end, &request, &subscription, newsletter) {
        AddressChangeLink::Ready(about) => about,
        other => return Ok(other),
    };
    requests::set_confirmed(&mut tx, request.id, end, evidence, now).await?;
    let request = requests::get(&mut tx, request.id).await?.unwrap_or(request);
    let change = match (request.press(End::Old), request.press(End::New)) {
        (Some(old), Some(new)) => {
            let reader = subscription.subscriber_id;
            if move_reader(&mut tx, reader, &request, (&old, &new), now).await? {
                requests::set_done(&mut tx, request.id, now).await?;
                AddressChangeLink::Done(about)
            } else {
                // The row keeps the fact that both addresses confirmed.
                requests::close(&mut tx, request.id, now).await?;
                AddressChangeLink::Expired(about)
            }
        }
        _ => AddressChangeLink::Waiting(about),
    };
    tx.commit().await?;
    Ok(change)
}

/// Finds the change of a link, and locks all affected rows before it reads them. The second of two
/// simultaneous presses thus sees the result of the first, and no reader unsubscribes in between.
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
        // The address may have got another reader while this transaction waited for the locks.
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

fn link_state(
    context: &SubscriptionContext,
    end: End,
    request: &ReaderRequest,
    subscription: &SubscriptionRecord,
    newsletter: NewsletterRecord,
) -> AddressChangeLink {
    let about = Box::new(AddressChange {
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
        (Some(_), _) => AddressChangeLink::Done(about),
        (None, _) if !is_open => AddressChangeLink::Expired(about),
        (None, Some(_)) => AddressChangeLink::Waiting(about),
        (None, None) => AddressChangeLink::Ready(about),
    }
}
