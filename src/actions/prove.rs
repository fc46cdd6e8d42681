//! A client shows that it has worked or waited, where a signup needs that.

use super::Context;
use crate::{
    db::{DbError, signup_watch, used_proofs},
    domain::{
        proof_of_work::{self, Challenge, MAX_NUMBER, ProofPolicy, Shown, Ticket},
        signup_limit::client_network,
    },
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

/// From one look at the store, whether there is an attack, to the next.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(2);
/// Most tickets that are taken from everybody in a minute, and from one client in an hour: waiting costs a program nothing.
const TICKETS_PER_MINUTE: i64 = 20;
const TICKETS_PER_CLIENT: i64 = 3;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Whether signups need a proof.
#[derive(Debug)]
pub struct Gate {
    policy: ProofPolicy,
    /// When it was last looked at, and whether there was an attack.
    last: Mutex<Option<(Timestamp, bool)>>,
}

impl Gate {
    /// As configured.
    pub fn new(policy: ProofPolicy) -> Self {
        Self { policy, last: Mutex::default() }
    }

    /// What is known, if it is known well enough. Where it is not, the caller looks, and until then the others go by the last look.
    fn known(&self, now: Timestamp) -> Option<bool> {
        // A panic elsewhere leaves nothing half done.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some((at, attack)) if now.duration_since(*at).abs() < LOOK_EVERY => Some(*attack),
            Some((at, _)) => {
                *at = now;
                None
            }
            None => None,
        }
    }

    fn learn(&self, now: Timestamp, attack: bool) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, attack));
    }
}

/// Whether a signup needs a proof now.
pub async fn is_needed(context: &Context) -> Result<bool, DbError> {
    match context.gate.policy {
        ProofPolicy::Never => Ok(false),
        ProofPolicy::Always => Ok(true),
        ProofPolicy::UnderAttack => {
            let now = context.clock.now();
            if let Some(known) = context.gate.known(now) {
                return Ok(known);
            }
            let attack = signup_watch::get(&mut context.db.read().await?).await?.is_on().is_some();
            context.gate.learn(now, attack);
            Ok(attack)
        }
    }
}

/// Makes a challenge.
pub fn challenge(context: &Context) -> Challenge {
    let number = u32::from_le_bytes(random::bytes()) % (MAX_NUMBER + 1);
    proof_of_work::challenge(&context.keys, &random::hex::<12>(), number, context.clock.now())
}

/// Makes a ticket, for who can't solve a challenge.
pub fn ticket(context: &Context) -> String {
    proof_of_work::ticket(&context.keys, &random::hex::<8>(), context.clock.now())
}

/// Takes a proof. `false`: it is not right, too old, or was used before, wherever that was.
pub async fn prove(context: &Context, proof: &str) -> Result<bool, DbError> {
    let now = context.clock.now();
    let Some(shown) = proof_of_work::check(&context.keys, proof, now) else { return Ok(false) };
    use_up(context, &shown, None, now).await
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
pub async fn redeem(context: &Context, ticket: &str, client: IpAddr) -> Result<Redeemed, DbError> {
    let now = context.clock.now();
    let shown = match proof_of_work::read_ticket(&context.keys, ticket, now) {
        Ticket::Void => return Ok(Redeemed::Void),
        Ticket::TooSoon { wait } => return Ok(Redeemed::TooSoon { wait }),
        Ticket::Good(shown) => shown,
    };
    // A proxy whose word is not taken is not one client: empty.
    let client = client_network(client)
        .map_or_else(String::new, |network| context.keys.fingerprint(&format!("client {network}")));
    let (all, own) =
        used_proofs::tickets(&mut context.db.read().await?, &client, now - MINUTE, now - HOUR).await?;
    if all >= TICKETS_PER_MINUTE {
        return Ok(Redeemed::TooMany { wait: MINUTE });
    }
    if own >= TICKETS_PER_CLIENT && !client.is_empty() {
        return Ok(Redeemed::TooMany { wait: HOUR });
    }
    let is_new = use_up(context, &shown, Some(&client), now).await?;
    Ok(if is_new { Redeemed::Taken } else { Redeemed::Void })
}

async fn use_up(
    context: &Context,
    shown: &Shown,
    client: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let is_new = used_proofs::insert(&mut tx, shown, client, now).await?;
    tx.commit().await?;
    Ok(is_new)
}
