//! A client shows that it has worked or waited, where a signup needs that.

use super::Context;
use crate::{
    db::{DbError, Tx, rate_limits, signup_watch, used_proofs},
    domain::{
        proof_of_work::{self, Challenge, ProofPolicy, Shown, Ticket, max_number},
        rate_limit::Limit,
        signup_limit::{OVERALL, client_limits},
    },
    random,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::net::IpAddr;

/// From one look at the store, whether there is an attack, to the next.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(2);
/// Most tickets that are taken from all clients, and from one: waiting costs a program nothing.
const TICKETS: Limit = Limit { max: 20, window: SignedDuration::from_mins(1) };
const TICKETS_PER_CLIENT: Limit = Limit { max: 3, window: SignedDuration::from_hours(1) };

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
    let until = rate_limits::peek(&mut tx, &[OVERALL]).await?.get(OVERALL).copied().unwrap_or_default();
    let percent =
        context.signup_limits.overall.map_or(0, |limit| limit.used_percent(until, now.as_microsecond()));
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
    let mut limits = vec![("tickets".to_owned(), TICKETS)];
    let client = client_limits(&context.keys, Some(TICKETS_PER_CLIENT), ip).into_iter();
    limits.extend(client.map(|(key, limit)| (format!("tickets {key}"), limit)));
    let mut tx = context.db.begin().await?;
    if !used_proofs::insert(&mut tx, &shown, None, now).await? {
        return Ok(Redeemed::Void);
    }
    if let Some(Err(wait)) = rate_limits::check(&mut tx, &[limits], now).await?.pop() {
        return Ok(Redeemed::TooMany { wait });
    }
    tx.commit().await?;
    Ok(Redeemed::Taken)
}

async fn use_up(mut tx: Tx, shown: &Shown, client: Option<&str>, now: Timestamp) -> Result<bool, DbError> {
    let is_new = used_proofs::insert(&mut tx, shown, client, now).await?;
    tx.commit().await?;
    Ok(is_new)
}
