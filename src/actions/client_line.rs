//! What one client takes up of the limit for clients.

use super::Context;
use crate::{
    db::{
        DbError,
        signup_limits::{self, OVERALL, set_taken_until, taken_until},
    },
    domain::{
        signup_limit::{Limit, client_networks},
        token::KeyRing,
    },
};
use jiff::SignedDuration;
use std::net::IpAddr;

/// The limits that a client's signups count on, by their names.
pub(super) fn lines(keys: &KeyRing, limit: Option<Limit>, client: IpAddr) -> Vec<(String, Limit)> {
    let Some(limit) = limit else { return Vec::new() };
    let networks = client_networks(client).into_iter();
    networks
        .map(|(network, wider)| (keys.fingerprint(&format!("client {network}")), limit.times(wider)))
        .collect()
}

/// Whether a client's signup would be taken now, or how long until then. It counts nothing.
pub async fn look(context: &Context, client: IpAddr) -> Result<Result<(), SignedDuration>, DbError> {
    let mut lines = lines(&context.keys, context.signup_limits.client, client);
    lines.extend(context.signup_limits.overall.map(|limit| (OVERALL.to_owned(), limit)));
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    let found = signup_limits::look(&mut context.db.read().await?, &names).await?;
    let now = context.clock.now().as_microsecond();
    let take = |(name, limit): &(String, Limit)| limit.take(found.get(name).copied().unwrap_or(now), now);
    Ok(lines.iter().try_for_each(|line| take(line).map(drop)))
}

/// Counts what a client caused, though no signup came of it.
pub async fn count(context: &Context, client: IpAddr) -> Result<(), DbError> {
    let lines = lines(&context.keys, context.signup_limits.client, client);
    if lines.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    let names = lines.iter().map(|(name, _)| name.as_str()).collect();
    let found = taken_until(&mut tx, names, context.clock.now()).await?;
    let now = context.clock.now().as_microsecond();
    let longer: Vec<(String, i64)> = lines
        .into_iter()
        .filter_map(|(name, limit)| {
            let until = limit.take(found.get(&name).copied().unwrap_or(now), now).ok()?;
            Some((name, until))
        })
        .collect();
    set_taken_until(&mut tx, &longer).await?;
    tx.commit().await
}
