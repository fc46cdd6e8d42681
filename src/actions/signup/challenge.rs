//! Issues and verifies challenges, and decides whether signups need one. See
//! [`crate::domain::signup::challenge`].

use crate::{
    actions::signup::context::SignupContext,
    db::{DbError, signups::alarm},
    domain::signup::challenge::{self, Challenge, ChallengePolicy, VerifiedToken},
    random,
};

/// Returns whether a signup needs a solved challenge now.
pub async fn is_required(context: &SignupContext) -> Result<bool, DbError> {
    let now = context.clock.now();
    if context.challenge_policy == ChallengePolicy::Never {
        return Ok(false);
    }
    if let Some(known) = context.attack_status.known(now) {
        return Ok(known);
    }
    let attack = alarm::get(&mut context.db.read().await?).await?.is_on().is_some();
    context.attack_status.set(attack, now);
    Ok(attack)
}

/// Makes a challenge.
pub fn issue(context: &SignupContext) -> Challenge {
    let (salt, number) = (random::hex::<12>(), u32::from_le_bytes(random::bytes()));
    challenge::issue(&context.keys, &salt, number, context.clock.now())
}

/// Verifies a solution, but not whether it was redeemed before. `None` if it is wrong or expired.
pub fn verify(context: &SignupContext, solution: &str) -> Option<VerifiedToken> {
    challenge::verify(&context.keys, solution, context.clock.now())
}
