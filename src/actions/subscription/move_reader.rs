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

/// How the consent ledger names it.
const METHOD: &str = "address_change";

/// Moves a reader to the address that they asked for, and records how each address confirmed. Returns `false`, and changes nothing, if
/// that address must not be mailed or has reported a newsletter as spam. The caller has locked all readers involved.
///
/// If the new address is unknown, the reader takes it, with all of their subscriptions. Otherwise each active or paused subscription is
/// moved by itself, since the new address may know the same newsletter:
/// - An active or paused subscription there stays as it is, and the one of the old address ends. So it does if the new address
///   unsubscribed after it had confirmed the move.
/// - One that was never confirmed or had ended before goes on with the status and the choices of the old address's, which ends.
/// - Without one, the subscription itself changes hands.
///
/// Pending and ended subscriptions of the old address stay there.
///
/// Open deliveries go along with a subscription that moves. A copy that a worker has claimed by then still goes to the old address.
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
    let mut has_there = there.iter().flat_map(|(_, theirs)| theirs);
    if has_there.any(|it| it.status == SubscriptionStatus::Complained) {
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
    // No import may bring the old address back: its reader has moved, and its next owner did not ask for anything.
    erased_addresses::insert(tx, &request.old_address, now).await?;
    record_moved(tx, &moved, (at_old, request.old_address.as_str()), (at_new, new.as_str())).await?;
    Ok(true)
}

/// Moves one subscription to the reader of a known address, who may have one to the same newsletter. Returns the subscription that goes
/// on in its place; `None` if it ends because the new address's stays as it is.
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
        // The requests name the new address. Whoever reads the old mailbox next must not get them as a data export.
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

/// Ends the subscription of the old address, on the word of that address.
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
