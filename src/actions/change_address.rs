//! A reader wants to be mailed at another address. Both the old and the new one confirm it, each with a link by mail; then all
//! subscriptions move.

use super::{Context, allowance, mail_about, merge_readers::merge_readers};
use crate::{
    db::{
        DbError, Tx, erased_addresses, is_taken,
        newsletters::{self, NewsletterRecord},
        reader_requests::{self, End, Press, ReaderRequest},
        subscriptions::{self, Evidence, NewEntry, SubscriptionRecord},
        suppressions, wants_again,
    },
    domain::{
        consent::ConsentEvent,
        email_address::EmailAddress,
        ids::{RequestId, SubscriberId, SubscriptionId},
        mail::MailKind,
        mail_domains::is_role_account,
        reader_request::{LIMIT, RequestKind},
        token::Purpose,
    },
};
use jiff::SignedDuration;

/// What became of asking. Nothing that is known of the new address is among it: the answer tells nobody who is subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A mail is on its way to either address.
    Sent,
    /// It is the reader's address already.
    Same,
    /// The address is nobody's for long, or several people's, on a site that does not take these.
    Refused,
    /// That was often enough; how long until it may be asked again.
    TooMany(SignedDuration),
    /// The reader has left meanwhile.
    Gone,
}

/// What a link leads to.
#[derive(Debug, Clone)]
pub enum Change {
    /// Not a link of ours, or altered on the way.
    Unknown,
    /// It is too old, or overtaken by another change, or can't be done.
    Expired(Box<About>),
    /// The button can be pressed.
    Ready(Box<About>),
    /// This end has confirmed, the other one not yet.
    Waiting(Box<About>),
    /// It is done: just now, or since an earlier click.
    Done(Box<About>),
}

/// Which change it is.
#[derive(Debug, Clone)]
pub struct About {
    /// In whose name the mails were sent.
    pub newsletter: NewsletterRecord,
    /// The language the reader reads in.
    pub language: Option<String>,
    /// Whose link it is.
    pub end: End,
    /// The address that is left. The new one's page does not tell it: it may be a stranger's.
    pub old_address: Option<String>,
    /// The address that is taken.
    pub new_address: String,
}

/// Asks both addresses.
pub async fn ask(context: &Context, id: SubscriptionId, new: &EmailAddress) -> Result<Asked, DbError> {
    let now = context.clock.now();
    if context.blocked_domains.contains(new.domain(), now)
        || (!context.allow_role_accounts && is_role_account(new))
    {
        return Ok(Asked::Refused);
    }
    let mut tx = context.db.begin().await?;
    let Some(subscription) = subscriptions::of_link(&mut tx, id).await? else { return Ok(Asked::Gone) };
    if !subscription.status.is_confirmed() {
        return Ok(Asked::Gone);
    }
    let old = &subscription.address;
    if old.key() == new.key() {
        return Ok(Asked::Same);
    }
    let name = format!("change {}", subscription.subscriber_id);
    if let Err(wait) = allowance::take(context, &mut tx, &name, LIMIT).await? {
        return Ok(Asked::TooMany(wait));
    }
    // Many readers, or the form beside them, can't have one stranger mailed many times: it is the line of signups. Who asks is not told:
    // it says nothing about them.
    let (line, limit) = (format!("address {}", new.inbox()), context.mails_per_address.unwrap_or(LIMIT));
    let may_mail = allowance::take(context, &mut tx, &line, limit).await?.is_ok();
    let request =
        reader_requests::insert(&mut tx, id, RequestKind::Address, old.as_str(), Some(new), now).await?;
    mail_about(context, &mut tx, MailKind::OldAddress, &subscription, old, request).await?;
    if may_mail {
        mail_about(context, &mut tx, MailKind::NewAddress, &subscription, new, request).await?;
    }
    tx.commit().await?;
    Ok(Asked::Sent)
}

/// Looks at a link without changing anything: mail scanners follow links too.
pub async fn look(context: &Context, token: &str) -> Result<Change, DbError> {
    let mut tx = context.db.read().await?;
    Ok(match find(context, &mut tx, token).await? {
        Some((end, request, subscription, newsletter)) => {
            judge(context, end, &request, &subscription, newsletter)
        }
        None => Change::Unknown,
    })
}

/// How often a change is tried that gets into the way of another one.
const TRIES: u8 = 3;

/// Confirms one end; when both have, the change is made. A second press says the same as the first. It touches all that is a reader's:
/// where something else of the same moment gets in its way, it is done again on what that left.
pub async fn confirm(context: &Context, token: &str, evidence: &Evidence) -> Result<Change, DbError> {
    let mut tries = 1;
    loop {
        match try_confirm(context, token, evidence).await {
            // The new address has become another reader's, who is this one from now on.
            Err(error) if tries < TRIES && (wants_again(&error) || is_taken(&error)) => tries += 1,
            answer => return answer,
        }
    }
}

async fn try_confirm(context: &Context, token: &str, evidence: &Evidence) -> Result<Change, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some((end, request, subscription, newsletter)) = find_and_hold(context, &mut tx, token).await? else {
        return Ok(Change::Unknown);
    };
    let about = match judge(context, end, &request, &subscription, newsletter) {
        Change::Ready(about) => about,
        other => return Ok(other),
    };
    reader_requests::set_confirmed(&mut tx, request.id, end, evidence, now).await?;
    let request = reader_requests::get(&mut tx, request.id).await?.unwrap_or(request);
    let change = match (request.press(End::Old), request.press(End::New)) {
        (Some(old), Some(new)) => {
            let reader = subscription.subscriber_id;
            if move_reader(context, &mut tx, reader, &request, (&old, &new)).await? {
                reader_requests::set_done(&mut tx, request.id, now).await?;
                Change::Done(about)
            } else {
                // That both ends agreed is kept.
                reader_requests::close(&mut tx, request.id, now).await?;
                Change::Expired(about)
            }
        }
        _ => Change::Waiting(about),
    };
    tx.commit().await?;
    Ok(change)
}

/// Finds what a link is about, and takes all that a change would touch before it is looked at: of two presses at once the second one
/// sees what the first one did, and nobody leaves in between.
async fn find_and_hold(context: &Context, tx: &mut Tx, token: &str) -> Result<Option<Found>, DbError> {
    let mut held = Vec::new();
    loop {
        let Some(found) = find(context, tx, token).await? else { return Ok(None) };
        let mut readers = vec![found.2.subscriber_id];
        if let Some(Ok(new)) = found.1.new_address.as_deref().map(EmailAddress::parse) {
            readers.extend(subscriptions::reader_at(tx, &new).await?);
        }
        // While these were waited for, an address may have become another reader's.
        if readers == held {
            return Ok(Some(found));
        }
        subscriptions::hold_readers(tx, &readers).await?;
        held = readers;
    }
}

/// Moves all subscriptions of a reader to an address, and writes into the ledger on whose word: how either end confirmed. `false`: the
/// address must not be mailed, or takes no more; nothing is changed then.
async fn move_reader(
    context: &Context,
    tx: &mut Tx,
    reader: SubscriberId,
    request: &ReaderRequest,
    (at_old, at_new): (&Press, &Press),
) -> Result<bool, DbError> {
    let now = context.clock.now();
    // What is stored was parsed once; rules may have become stricter since.
    let Some(Ok(new)) = request.new_address.as_deref().map(EmailAddress::parse) else { return Ok(false) };
    if suppressions::reason(tx, &new).await?.is_some() {
        return Ok(false);
    }
    if let Some(there) = subscriptions::reader_at(tx, &new).await?
        && !merge_readers(tx, reader, there, &at_new.evidence, now).await?
    {
        return Ok(false);
    }
    subscriptions::take_back(tx, reader).await?;
    subscriptions::set_address(tx, reader, &new, now).await?;
    if let Ok(old) = EmailAddress::parse(&request.old_address) {
        // Nobody is mailed there because of a list: the reader is not there any more, and who reads it next did not ask.
        erased_addresses::insert(tx, &old, now).await?;
    }
    let mut ends = [(at_old, request.old_address.as_str()), (at_new, new.as_str())];
    ends.sort_by_key(|(press, _)| press.at);
    let goes_on = subscriptions::of_subscriber(tx, reader).await?;
    let entries: Vec<NewEntry<'_>> = goes_on
        .iter()
        .filter(|it| it.status.is_confirmed())
        .flat_map(|it| {
            ends.map(|(press, address)| NewEntry {
                subscription: it.id,
                address,
                occurred_at: press.at,
                method: "address_change",
                evidence: &press.evidence,
                confirmation: None,
                wording: None,
            })
        })
        .collect();
    subscriptions::record_consents(tx, ConsentEvent::Confirmed, &entries).await?;
    Ok(true)
}

type Found = (End, ReaderRequest, SubscriptionRecord, NewsletterRecord);

async fn find(context: &Context, tx: &mut Tx, token: &str) -> Result<Option<Found>, DbError> {
    let ends = [(Purpose::OldAddress, End::Old), (Purpose::NewAddress, End::New)];
    let named = ends.into_iter().find_map(|(purpose, end)| Some((end, context.keys.verify(purpose, token)?)));
    let Some((end, id)) = named else { return Ok(None) };
    let Some(request) = reader_requests::get(tx, RequestId(id)).await? else { return Ok(None) };
    let Some(subscription) = subscriptions::of_link(tx, request.subscription_id).await? else {
        return Ok(None);
    };
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    Ok(Some((end, request, subscription, newsletter)))
}

fn judge(
    context: &Context,
    end: End,
    request: &ReaderRequest,
    subscription: &SubscriptionRecord,
    newsletter: NewsletterRecord,
) -> Change {
    let about = Box::new(About {
        newsletter,
        language: subscription.language.clone(),
        end,
        old_address: (end == End::Old).then(|| request.old_address.clone()),
        new_address: request.new_address.clone().unwrap_or_default(),
    });
    let confirmed = match end {
        End::Old => request.old_confirmed_at,
        End::New => request.new_confirmed_at,
    };
    let is_open = request.expires_at.0 > context.clock.now()
        && request.old_address == subscription.address.as_str()
        && subscription.status.is_confirmed();
    match (request.done_at, confirmed) {
        (Some(_), _) => Change::Done(about),
        (None, _) if !is_open => Change::Expired(about),
        (None, Some(_)) => Change::Waiting(about),
        (None, None) => Change::Ready(about),
    }
}
