//! Challenges: when a signup needs one, and making and verifying them. See [`crate::domain::signup::challenge`].

use crate::{
    actions::Context,
    db::{DbError, signups::alarm},
    domain::signup::challenge::{self, Challenge, ChallengePolicy, VerifiedToken},
    random,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// How long this process goes by what it last read about an attack.
const STATUS_LIFETIME: SignedDuration = SignedDuration::from_secs(2);

/// Whether an attack is on, as last read from the database, and when.
#[derive(Debug, Default)]
pub struct AttackStatus(Mutex<Option<(Timestamp, bool)>>);

impl AttackStatus {
    /// `None` if it is unknown or out of date. One caller then reads it anew; the others go by the old status meanwhile.
    fn known(&self, now: Timestamp) -> Option<bool> {
        match &mut *self.0.lock() {
            Some((at, attack)) if now.duration_since(*at).abs() < STATUS_LIFETIME => Some(*attack),
            Some((at, _)) => {
                *at = now;
                None
            }
            None => None,
        }
    }
}

/// Whether a signup needs a solved challenge now.
pub async fn is_required(context: &Context) -> Result<bool, DbError> {
    let now = context.clock.now();
    if context.challenge_policy == ChallengePolicy::Never {
        return Ok(false);
    }
    if let Some(known) = context.attack_status.known(now) {
        return Ok(known);
    }
    let attack = alarm::get(&mut context.db.read().await?).await?.is_on().is_some();
    *context.attack_status.0.lock() = Some((now, attack));
    Ok(attack)
}

/// Makes a challenge.
pub fn issue(context: &Context) -> Challenge {
    let (salt, number) = (random::hex::<12>(), u32::from_le_bytes(random::bytes()));
    challenge::issue(&context.keys, &salt, number, context.clock.now())
}

/// Verifies a solution, which may have been redeemed before. `None` if it is wrong or expired.
pub fn verify(context: &Context, solution: &str) -> Option<VerifiedToken> {
    challenge::verify(&context.keys, solution, context.clock.now())
}
