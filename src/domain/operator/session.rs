//! Sessions: a browser in which an operator signed in.

use crate::domain::string_enum::string_enum;
use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};

/// Random bytes of a session's token.
pub const TOKEN_BYTES: usize = 32;
/// A session ends after this time without a request.
pub const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// A session ends this long after it began, whatever happens.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Time for the steps of signing in.
pub const SIGN_IN: SignedDuration = SignedDuration::from_mins(15);
/// A link to choose a password is valid for this long.
pub const LINK: SignedDuration = SignedDuration::from_hours(72);
/// How often a session's last request is recorded.
pub const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

string_enum! {
    /// The progress of signing in.
    Stage {
        /// The password was right, or the provider vouched for the operator, and a code is missing.
        SecondFactor = "second_factor",
        /// The password was right, and the second factor is not set up yet.
        Enrolment = "enrolment",
        /// The operator is signed in.
        Open = "open",
    }
}

string_enum! {
    /// The purpose of a link.
    LinkPurpose {
        /// Choosing a password, once.
        Password = "password",
        /// Opening the pages of `daily demo`.
        Open = "open",
    }
}

impl Stage {
    /// Returns whether a session in this stage still counts.
    pub fn is_alive(self, created_at: Timestamp, seen_at: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::Open => now.duration_since(seen_at) < IDLE && now.duration_since(created_at) < LONGEST,
            Self::SecondFactor | Self::Enrolment => now.duration_since(created_at) < SIGN_IN,
        }
    }
}

/// Hashes a token for the database. Tokens are random, so a plain hash protects them.
pub fn token_hash(token: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_end_when_idle_or_old() {
        let begin = Timestamp::UNIX_EPOCH;
        let hours = |hours: i64| begin + SignedDuration::from_hours(hours);
        assert!(Stage::Open.is_alive(begin, hours(10), hours(21)));
        assert!(!Stage::Open.is_alive(begin, hours(10), hours(22)));
        assert!(!Stage::Open.is_alive(begin, hours(14 * 24), hours(14 * 24)));
        assert!(!Stage::SecondFactor.is_alive(begin, hours(1), hours(1)));
        assert_eq!(token_hash("a").len(), 64);
    }
}
