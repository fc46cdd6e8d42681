//! A client shows that it has worked or waited, where a signup needs that.

use super::Context;
use crate::{
    db::{
        DbError, Tx,
        signup_limits::{self, OVERALL, set_taken_until, taken_until},
        signup_watch, used_proofs,
    },
    domain::{
        proof_of_work::{self, Challenge, ProofPolicy, Shown, Ticket, max_number},
        signup_limit::{Limit, client_network, client_networks},
    },
    random,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::net::IpAddr;

/// From one look at the store, whether there is an attack, to the next.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(2);
/// Most tickets that are taken from everybody in a minute, and from one client in an hour: waiting costs a program nothing.
const TICKETS_PER_MINUTE: i64 = 20;
const TICKETS_PER_CLIENT: i64 = 3;
/// And from all clients of an IPv6 /48 in an hour.
const TICKETS_AROUND_CLIENT: u32 = 30;
/// The row that whoever counts tickets holds.
const TICKETS: &str = "tickets";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Whether signups need a proof.
#[derive(Debug)]
pub struct Gate {
    policy: ProofPolicy,
    /// When it was last looked at, and what was seen.
    last: Mutex<Option<(Timestamp, Seen)>>,
}

/// What is known of the signups.
#[derive(Debug, Clone, Copy)]
struct Seen {
    attack: bool,
    /// How much of the limit for everybody together is taken up, in percent.
    percent: i64,
}

impl Gate {
    /// As configured.
    pub fn new(policy: ProofPolicy) -> Self {
        Self { policy, last: Mutex::default() }
    }

    /// What is known, if it is known well enough. Where it is not, the caller looks, and until then the others go by the last look.
    fn known(&self, now: Timestamp) -> Option<Seen> {
        let mut last = self.last.lock();
        match &mut *last {
            Some((at, seen)) if now.duration_since(*at).abs() < LOOK_EVERY => Some(*seen),
            Some((at, _)) => {
                *at = now;
                None
            }
            None => None,
        }
    }

    fn learn(&self, now: Timestamp, seen: Seen) {
        *self.last.lock() = Some((now, seen));
    }
}

/// Whether a signup needs a proof now.
pub async fn is_needed(context: &Context) -> Result<bool, DbError> {
    match context.gate.policy {
        ProofPolicy::Never => Ok(false),
        ProofPolicy::Always => Ok(true),
        ProofPolicy::UnderAttack => Ok(seen(context).await?.attack),
    }
}

async fn seen(context: &Context) -> Result<Seen, DbError> {
    let now = context.clock.now();
    if let Some(known) = context.gate.known(now) {
        return Ok(known);
    }
    let mut tx = context.db.read().await?;
    let attack = signup_watch::get(&mut tx).await?.is_on().is_some();
    let until = signup_limits::look(&mut tx, &[OVERALL]).await?.get(OVERALL).copied().unwrap_or_default();
    let percent = context.signup_limits.overall.map_or(0, |limit| limit.percent(until, now.as_microsecond()));
    let seen = Seen { attack, percent };
    context.gate.learn(now, seen);
    Ok(seen)
}

/// Makes a challenge.
pub async fn challenge(context: &Context) -> Result<Challenge, DbError> {
    let most = max_number(seen(context).await?.percent);
    let (salt, number) = (random::hex::<12>(), u32::from_le_bytes(random::bytes()));
    Ok(proof_of_work::challenge(&context.keys, &salt, number, most, context.clock.now()))
}

/// Makes a ticket, for who can't solve a challenge.
pub fn ticket(context: &Context) -> String {
    proof_of_work::ticket(&context.keys, &random::hex::<8>(), context.clock.now())
}

/// Whether a proof is right, as far as it says so itself: it may have been used. It stays as it is.
pub fn is_right(context: &Context, proof: &str) -> bool {
    proof_of_work::check(&context.keys, proof, context.clock.now()).is_some()
}

/// What a ticket is worth, as far as it says so itself. It stays as it is.
pub fn look_at(context: &Context, ticket: &str) -> Ticket {
    proof_of_work::read_ticket(&context.keys, ticket, context.clock.now())
}

/// Takes a proof. `false`: it is not right, too old, or was used before, wherever that was.
pub async fn prove(context: &Context, proof: &str) -> Result<bool, DbError> {
    let now = context.clock.now();
    let Some(shown) = proof_of_work::check(&context.keys, proof, now) else { return Ok(false) };
    use_up(context.db.begin().await?, &shown, None, now).await
}

/// What becomes of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// It was taken.
    Taken,
    /// Its holder has not waited long enough.
    TooSoon {
        /// How much longer.
        wait: SignedDuration,
    },
    /// Too many are: more are taken later.
    TooMany {
        /// When.
        wait: SignedDuration,
    },
    /// It is not ours, too old, or was used before.
    Void,
}

/// Takes a ticket.
pub async fn redeem(context: &Context, ticket: &str, ip: IpAddr) -> Result<Redeemed, DbError> {
    let now = context.clock.now();
    let shown = match proof_of_work::read_ticket(&context.keys, ticket, now) {
        Ticket::Void => return Ok(Redeemed::Void),
        Ticket::TooSoon { wait } => return Ok(Redeemed::TooSoon { wait }),
        Ticket::Good(shown) => shown,
    };
    // A proxy whose word is not taken is not one client: empty.
    let client = client_network(ip)
        .map_or_else(String::new, |network| context.keys.fingerprint(&format!("client {network}")));
    let mut tx = context.db.begin().await?;
    // Whoever holds this row counts, and those at the same time count after it.
    taken_until(&mut tx, vec![TICKETS], now).await?;
    let (all, own) = used_proofs::tickets(&mut tx, &client, now - MINUTE, now - HOUR).await?;
    if all >= TICKETS_PER_MINUTE {
        return Ok(Redeemed::TooMany { wait: MINUTE });
    }
    if own >= TICKETS_PER_CLIENT && !client.is_empty() {
        return Ok(Redeemed::TooMany { wait: HOUR });
    }
    // Whoever has many networks has not many times as much.
    if let Err(wait) = take_of_wider(context, &mut tx, ip, now).await? {
        return Ok(Redeemed::TooMany { wait });
    }
    let is_new = use_up(tx, &shown, Some(&client), now).await?;
    Ok(if is_new { Redeemed::Taken } else { Redeemed::Void })
}

/// Takes a ticket's share of the networks around a client's own.
async fn take_of_wider(
    context: &Context,
    tx: &mut Tx,
    ip: IpAddr,
    now: Timestamp,
) -> Result<Result<(), SignedDuration>, DbError> {
    let wider = client_networks(ip).into_iter().filter(|(_, times)| *times > 1);
    let names: Vec<String> =
        wider.map(|(network, _)| context.keys.fingerprint(&format!("tickets {network}"))).collect();
    let found = taken_until(tx, names.iter().map(String::as_str).collect(), now).await?;
    let limit = Limit { most: TICKETS_AROUND_CLIENT, within: HOUR };
    let mut longer = Vec::with_capacity(names.len());
    for name in names {
        let micros = now.as_microsecond();
        match limit.take(found.get(&name).copied().unwrap_or(micros), micros) {
            Ok(until) => longer.push((name, until)),
            Err(wait) => return Ok(Err(wait)),
        }
    }
    set_taken_until(tx, &longer).await?;
    Ok(Ok(()))
}

async fn use_up(mut tx: Tx, shown: &Shown, client: Option<&str>, now: Timestamp) -> Result<bool, DbError> {
    let is_new = used_proofs::insert(&mut tx, shown, client, now).await?;
    tx.commit().await?;
    Ok(is_new)
}
