//! Rate limits of requests by readers and clients.

use crate::{
    actions::signup::context::SignupContext,
    db::{
        DbError, Tx,
        rate_limits::{self, Request, Verdict},
    },
    domain::{
        rate_limit::Limit,
        signup::limits::{OVERALL, client_limits, dns_limits},
        token::KeyRing,
    },
};
use jiff::Timestamp;
use std::net::IpAddr;

/// Checks and debits one event on the limit of this name. The database stores only a keyed hash of the name.
pub(super) async fn check(
    tx: &mut Tx,
    keys: &KeyRing,
    name: &str,
    limit: Limit,
    now: Timestamp,
) -> Result<Verdict, DbError> {
    let request = vec![(keys.fingerprint(name), limit)];
    let mut verdicts = rate_limits::check(tx, &[request], now).await?;
    verdicts.pop().ok_or(DbError::RowNotFound)
}

/// Checks a client's limits without debiting them.
pub async fn peek_client(context: &SignupContext, client: IpAddr) -> Result<Verdict, DbError> {
    let mut limits = client_limits(&context.keys, context.limits.client, client);
    limits.extend(context.limits.overall.map(|limit| (OVERALL.to_owned(), limit)));
    let keys: Vec<&str> = limits.iter().map(|(key, _)| key.as_str()).collect();
    let tats = rate_limits::peek(&mut context.db.read().await?, &keys).await?;
    let now = context.clock.now().as_microsecond();
    Ok(limits
        .iter()
        .try_for_each(|(key, limit)| limit.check(tats.get(key).copied().unwrap_or(now), now).map(drop)))
}

/// Debits a DNS query on the limits of its client and of all clients.
pub async fn debit_dns(context: &SignupContext, client: IpAddr) -> Result<Verdict, DbError> {
    let limits = dns_limits(&context.keys, &context.limits, client);
    let mut tx = context.db.begin().await?;
    let mut verdicts = rate_limits::check(&mut tx, &[limits], context.clock.now()).await?;
    tx.commit().await?;
    verdicts.pop().ok_or(DbError::RowNotFound)
}

/// Debits a client's limits for work it caused without a signup.
pub async fn debit_client(context: &SignupContext, client: IpAddr) -> Result<(), DbError> {
    let limits = client_limits(&context.keys, context.limits.client, client);
    let requests: Vec<Request> = limits.into_iter().map(|limit| vec![limit]).collect();
    let mut tx = context.db.begin().await?;
    rate_limits::check(&mut tx, &requests, context.clock.now()).await?;
    tx.commit().await
}
