//! Signups that wait to be processed, redeemed challenges, and the signup alarm.

pub mod alarm;
pub mod intake;
pub mod redeemed_challenges;
