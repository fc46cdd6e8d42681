//! Received signups, redeemed challenges and the attack detection.

pub mod alarm;
pub mod intake;
pub mod redeemed_challenges;
