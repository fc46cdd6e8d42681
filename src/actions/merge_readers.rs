//! Two readers turn out to be one: the address that one of them takes is the other's.

use crate::{
    db::{
        DbError, Tx,
        subscriptions::{self, Evidence, SubscriptionRecord},
    },
    domain::{consent::ConsentEvent, ids::SubscriberId, subscription::SubscriptionStatus},
};
use jiff::Timestamp;

/// Gives a reader all that is another's, who is nobody afterwards. Of a newsletter that both have, the reader's own subscription goes
/// on; where theirs has ended and the other's has not, it goes on as the other's was. Links in mails to either still work. `false`: the
/// other one reported a newsletter as unwanted, and nothing shall hide that.
pub(super) async fn merge_readers(
    tx: &mut Tx,
    reader: SubscriberId,
    other: SubscriberId,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<bool, DbError> {
    let theirs = subscriptions::of_subscriber(tx, other).await?;
    if theirs.iter().any(|it| it.status == SubscriptionStatus::Complained) {
        return Ok(false);
    }
    let own = subscriptions::of_subscriber(tx, reader).await?;
    for it in theirs {
        match own.iter().find(|own| own.newsletter_id == it.newsletter_id) {
            None => subscriptions::give_to(tx, it.id, reader).await?,
            Some(own) => merge(tx, own, &it, evidence, now).await?,
        }
    }
    subscriptions::take_past(tx, reader, other, now).await?;
    subscriptions::set_merged_away(tx, other, now).await?;
    Ok(true)
}

async fn merge(
    tx: &mut Tx,
    own: &SubscriptionRecord,
    other: &SubscriptionRecord,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), DbError> {
    let method = "address_change";
    if other.status.is_confirmed() && !own.status.is_confirmed() {
        // The ledger's entry comes with those of the reader's other subscriptions.
        subscriptions::go_on_as(tx, own.id, other.id).await?;
    }
    if subscriptions::end(tx, other.id, now).await? {
        let left = ConsentEvent::Unsubscribed;
        subscriptions::record_consent(tx, other.id, left, method, evidence, now).await?;
    }
    subscriptions::set_merged(tx, other.id, own.id).await
}
