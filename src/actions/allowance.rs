//! How often a reader may ask for what sends mail.

use super::Context;
use crate::{
    db::{
        DbError, Tx,
        signup_limits::{set_taken_until, taken_until},
    },
    domain::signup_limit::Limit,
};
use jiff::SignedDuration;

/// Counts one in, or says how long until one is taken. Of the name a keyed hash is kept, for as long as it says anything.
pub(super) async fn take(
    context: &Context,
    tx: &mut Tx,
    name: &str,
    limit: Limit,
) -> Result<Result<(), SignedDuration>, DbError> {
    let now = context.clock.now();
    let name = context.keys.fingerprint(name);
    let line = taken_until(tx, vec![&name], now).await?;
    let until = line.get(&name).copied().unwrap_or(now.as_microsecond());
    Ok(match limit.take(until, now.as_microsecond()) {
        Ok(until) => {
            set_taken_until(tx, &[(name, until)]).await?;
            Ok(())
        }
        Err(wait) => Err(wait),
    })
}
