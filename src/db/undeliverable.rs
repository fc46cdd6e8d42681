//! Applies hard bounces to their readers: undeliverable signups, and addresses that are suppressed.

use crate::{
    db::{
        DbError, Tx,
        bounces::{self, BouncedEmail},
        subscribers,
        suppressions::{self, BouncedAddress},
    },
    domain::{
        delivery::suppression_policy::{SOFT_STREAK, is_soft_enough},
        ids::IssueId,
    },
};
use jiff::Timestamp;

/// Suppresses those of these addresses that have bounced on enough days. Returns their number.
pub async fn suppress_bounced(tx: &mut Tx, keys: &[String], now: Timestamp) -> Result<usize, DbError> {
    let bounced: Vec<BouncedAddress> = bounces::hard_enough(tx, keys).await?;
    suppressions::add_bounced(tx, &bounced, now).await?;
    Ok(bounced.len())
}

/// Applies a hard bounce of one email that is stored already. Returns whether the address is suppressed now.
pub async fn apply_hard(tx: &mut Tx, email: &BouncedEmail, now: Timestamp) -> Result<bool, DbError> {
    if let Some(subscription) = email.subscription.filter(|_| email.is_confirmation) {
        subscribers::end_unconfirmed(tx, subscription, now).await?;
    }
    Ok(suppress_bounced(tx, &[email.address.key()], now).await? > 0)
}

/// Suppresses an address if its reader's latest copies bounced softly, by the rule of `suppression_policy`.
/// Returns whether it is suppressed now. `issue` is the one whose copy bounced last, and `words` are those of
/// the server.
pub async fn apply_soft(
    tx: &mut Tx,
    address_key: &str,
    issue: Option<IssueId>,
    words: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let Some(reader) = bounces::reader(tx, address_key).await? else { return Ok(false) };
    if !is_soft_enough(&bounces::copy_outcomes(tx, reader).await?) {
        return Ok(false);
    }
    let reason = format!("undeliverable: {SOFT_STREAK} issues in a row bounced: {words}");
    let bounced = BouncedAddress { address_key: address_key.to_owned(), reason, issue };
    suppressions::add_bounced(tx, &[bounced], now).await?;
    Ok(true)
}
