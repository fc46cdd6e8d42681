//! Applies hard bounces to their readers: undeliverable signups, and addresses that are suppressed.

use crate::db::{
    DbError, Tx,
    bounces::{self, BouncedEmail},
    subscribers,
    suppressions::{self, BouncedAddress},
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
