//! Two readers turn out to be one: the address that one of them takes is the other's.

use crate::{
    db::{
        DbError, Tx, issues,
        subscriptions::{self, Evidence, SubscriptionRecord},
    },
    domain::{consent::ConsentEvent, ids::SubscriberId, subscription::SubscriptionStatus},
};
use jiff::Timestamp;

/// Gives a reader all that is another's, who is nobody afterwards. Of a newsletter that both have, the reader's own subscription goes
/// on; where theirs has ended and the other's has not, it goes on as the other's was. Links in mails to either still work. The caller
/// holds all that is theirs. `false`: one of the two reported a newsletter as unwanted that both have, or the other one did any, and
/// nothing shall hide that; nothing is changed then.
pub(super) async fn merge_readers(
    tx: &mut Tx,
    reader: SubscriberId,
    other: SubscriberId,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<bool, DbError> {
    let theirs = subscriptions::of_subscriber(tx, other).await?;
    let own = subscriptions::of_subscriber(tx, reader).await?;
    let both_have =
        |it: &SubscriptionRecord| theirs.iter().any(|other| other.newsletter_id == it.newsletter_id);
    if theirs.iter().chain(own.iter().filter(|it| both_have(it))).any(has_complained) {
        return Ok(false);
    }
    for it in &theirs {
        match own.iter().find(|own| own.newsletter_id == it.newsletter_id) {
            None => subscriptions::give_to(tx, it.id, reader).await?,
            Some(own) => merge(tx, own, it, evidence, now).await?,
        }
    }
    subscriptions::take_past(tx, reader, other, now).await?;
    subscriptions::set_merged_away(tx, other, now).await?;
    Ok(true)
}

fn has_complained(it: &SubscriptionRecord) -> bool {
    it.status == SubscriptionStatus::Complained
}

async fn merge(
    tx: &mut Tx,
    own: &SubscriptionRecord,
    other: &SubscriptionRecord,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), DbError> {
    let method = "address_change";
    let goes_on = match (own.status, other.status) {
        (own, other) if other.is_confirmed() => !own.is_confirmed(),
        // What was asked for a moment ago can still be confirmed.
        (own, SubscriptionStatus::Pending) => !own.is_confirmed() && own != SubscriptionStatus::Pending,
        _ => false,
    };
    if goes_on {
        // The ledger's entry comes with those of the reader's other subscriptions.
        subscriptions::go_on_as(tx, own.id, other.id).await?;
        issues::fan_out_again(tx, own.newsletter_id, own.id, other.id).await?;
    }
    if subscriptions::end(tx, other.id, now).await? {
        let left = ConsentEvent::Unsubscribed;
        subscriptions::record_consent(tx, other.id, left, method, evidence, now).await?;
    }
    subscriptions::set_merged(tx, other.id, own.id).await
}
