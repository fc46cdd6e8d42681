//! Carries out a change of address that both addresses have confirmed.

use crate::{
    db::{
        DbError, Tx, issues,
        subscribers::{
            self, Holder, NewEntry, SubscriptionRecord, erased_addresses, erasure,
            requests::{self, Press, ReaderRequest},
        },
        suppressions,
    },
    domain::{
        ids::{SubscriberId, SubscriptionId},
        subscriber::{consent::ConsentEvent, subscription::SubscriptionStatus},
    },
};
use jiff::Timestamp;

/// The method in the consent ledger.
const METHOD: &str = "address_change";

/// Moves a reader to the requested address, and records how each address confirmed. Returns `false` and
/// changes nothing if the address is suppressed or has reported a newsletter as spam. The caller has locked
/// all readers involved.
///
/// If the new address is unknown, the reader moves there with all subscriptions. Otherwise each active or
/// paused subscription is moved on its own, because the new address may have one to the same newsletter:
/// - If that one is active or paused, it stays, and the old address's ends. The same applies if the new
///   address unsubscribed after it confirmed the move.
/// - If that one is unconfirmed, or ended earlier, it takes over the status and preferences of the old
///   address's, which ends.
/// - If there is none, the subscription is reassigned to the new reader.
///
/// Pending and ended subscriptions of the old address stay there.
///
/// Open deliveries move with their subscription. A copy that a worker has already claimed still goes to the
/// old address.
pub(super) async fn move_reader(
    tx: &mut Tx,
    reader: SubscriberId,
    request: &ReaderRequest,
    ends: (&Press, &Press),
    now: Timestamp,
) -> Result<bool, DbError> {
    let (at_old, at_new) = ends;
    let Some(new) = &request.new_address else { return Ok(false) };
    if suppressions::reason(tx, new).await?.is_some() {
        return Ok(false);
    }
    let there = match subscribers::get_by_address(tx, new).await? {
        Some(id) => Some((id, subscribers::for_subscriber(tx, id).await?)),
        None => None,
    };
    let mut new_subscriptions = there.iter().flat_map(|(_, theirs)| theirs);
    if new_subscriptions.any(|it| it.status == SubscriptionStatus::Complained) {
        return Ok(false);
    }
    let mut own = subscribers::for_subscriber(tx, reader).await?;
    own.retain(|it| it.status.is_confirmed());
    let moved = match there {
        None => {
            subscribers::set_address(tx, reader, new, now).await?;
            own.iter().map(|it| it.id).collect()
        }
        Some((there, theirs)) => {
            let mut moved = Vec::new();
            for it in &own {
                let same = theirs.iter().find(|other| other.newsletter_id == it.newsletter_id);
                moved.extend(move_one(tx, it, there, same, ends, now).await?);
            }
            if subscribers::for_subscriber(tx, reader).await?.is_empty() {
                erasure::erase_reader(tx, reader, now).await?;
            }
            moved
        }
    };
    // Keeps imports from restoring the old address, whose next owner never signed up.
    erased_addresses::insert(tx, &request.old_address, now).await?;
    erasure::forget_bounces(tx, &request.old_address).await?;
    record_moved(tx, &moved, (at_old, request.old_address.as_str()), (at_new, new.as_str())).await?;
    Ok(true)
}

/// Moves one subscription to the reader of a known address, who may have one to the same newsletter (`same`).
/// Returns the subscription that continues it. `None` if it ends because that of the new address stays.
async fn move_one(
    tx: &mut Tx,
    it: &SubscriptionRecord,
    there: SubscriberId,
    same: Option<&SubscriptionRecord>,
    (at_old, at_new): (&Press, &Press),
    now: Timestamp,
) -> Result<Option<SubscriptionId>, DbError> {
    let stays = |same: &SubscriptionRecord| {
        same.status.is_confirmed() || same.ended_at.is_some_and(|ended| ended.0 > at_new.at)
    };
    if let Some(same) = same {
        // The requests name the new address, which a data export for the old mailbox's next owner must not
        // reveal.
        requests::reassign(tx, it.id, same.id).await?;
        if stays(same) {
            end(tx, it, at_old, now).await?;
            return Ok(None);
        }
    }
    let id = same.map_or(it.id, |same| same.id);
    issues::fan_out_again(tx, it.newsletter_id, id, it.id).await?;
    match same {
        Some(same) => {
            subscribers::restore_from(tx, same.id, it.id, now).await?;
            end(tx, it, at_old, now).await?;
        }
        None => subscribers::reassign(tx, it.id, there, now).await?,
    }
    let from = Holder { reader: it.subscriber_id, subscription: it.id };
    let to = Holder { reader: there, subscription: id };
    subscribers::transfer_history(tx, it.newsletter_id, from, to).await?;
    Ok(Some(id))
}

/// Ends the subscription of the old address, with that address's confirmation as evidence.
async fn end(tx: &mut Tx, it: &SubscriptionRecord, at_old: &Press, now: Timestamp) -> Result<(), DbError> {
    subscribers::end(tx, it.id, now).await?;
    let unsubscribed = ConsentEvent::Unsubscribed;
    subscribers::record_consent(tx, it.id, unsubscribed, METHOD, &at_old.evidence, now).await
}

/// Records in the ledger of each subscription that both addresses confirmed the move, each at its own time.
async fn record_moved(
    tx: &mut Tx,
    moved: &[SubscriptionId],
    old: (&Press, &str),
    new: (&Press, &str),
) -> Result<(), DbError> {
    let mut ends = [old, new];
    ends.sort_by_key(|(press, _)| press.at);
    let entries: Vec<NewEntry<'_>> = moved
        .iter()
        .flat_map(|id| {
            ends.map(|(press, address)| NewEntry {
                subscription: *id,
                address,
                occurred_at: press.at,
                method: METHOD,
                evidence: &press.evidence,
                confirmation: None,
                wording: None,
            })
        })
        .collect();
    subscribers::record_consents(tx, ConsentEvent::Confirmed, &entries).await
}
