//! Proof-of-work challenges for signups during a suspected attack. They contain nothing about the reader.
//!
//! The protocol is ALTCHA version 1. The client searches for the number that, appended to the salt, has the
//! challenge as its SHA-256. The salt ends with `&`, so that no digit can move between the expiry and the
//! number.

use crate::domain::{string_enum::string_enum, token::KeyRing};
use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;

/// Upper bound of the number: half a second of work on a desktop computer, a few seconds on an old phone.
const MAX_NUMBER: u32 = 100_000;
/// How long a challenge can be redeemed.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Maximum length of a solution, in bytes.
const MAX_SOLUTION_BYTES: usize = 1024;
const ALGORITHM: &str = "SHA-256";
/// Random hexadecimal digits in a salt.
const SALT_CHARS: usize = 24;

string_enum! {
    /// When signups need a solved challenge.
    ChallengePolicy {
        Never = "never",
        /// While signups look like an attack.
        UnderAttack = "under_attack",
    }
}

#[expect(clippy::struct_field_names, reason = "the protocol names the fields")]
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Challenge {
    #[schemars(extend("const" = ALGORITHM))]
    algorithm: String,
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    challenge: String,
    #[schemars(range(min = 1))]
    maxnumber: u32,
    salt: String,
    signature: String,
}

#[derive(Debug, serde::Deserialize)]
struct Solution {
    algorithm: String,
    challenge: String,
    number: u32,
    salt: String,
    signature: String,
}

/// The signature of a correctly solved challenge. It can be redeemed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken(pub String);

/// Issues a challenge. `salt` is 24 random hexadecimal digits, `random` any number.
pub fn issue(keys: &KeyRing, salt: &str, random: u32, now: Timestamp) -> Challenge {
    let salt = format!("{salt}?expires={}&", (now + LIFETIME).as_second());
    let challenge = hash(&salt, random % (MAX_NUMBER + 1));
    let signature = signature(keys, &challenge);
    Challenge { algorithm: ALGORITHM.to_owned(), challenge, maxnumber: MAX_NUMBER, salt, signature }
}

/// Verifies a solution: base64 of JSON, as ALTCHA clients send it. `None` if the solution is wrong, expired
/// or for a challenge that we didn't issue.
pub fn verify(keys: &KeyRing, solution: &str, now: Timestamp) -> Option<VerifiedToken> {
    if solution.len() > MAX_SOLUTION_BYTES {
        return None;
    }
    let solution: Solution = serde_json::from_slice(&STANDARD.decode(solution).ok()?).ok()?;
    let (random, rest) = solution.salt.split_once("?expires=")?;
    let expires_at = Timestamp::from_second(rest.strip_suffix('&')?.parse().ok()?).ok()?;
    let is_right = solution.algorithm == ALGORITHM
        && random.len() == SALT_CHARS
        && solution.challenge == hash(&solution.salt, solution.number)
        && is_same(&signature(keys, &solution.challenge), &solution.signature);
    (is_right && now <= expires_at).then_some(VerifiedToken(solution.signature))
}

/// Solves a challenge like a client.
pub fn solve(challenge: &Challenge) -> Option<String> {
    let number =
        (0..=challenge.maxnumber).find(|number| hash(&challenge.salt, *number) == challenge.challenge)?;
    let Challenge { algorithm, challenge, salt, signature, .. } = challenge;
    let solution = serde_json::json!({
        "algorithm": algorithm, "challenge": challenge, "number": number, "salt": salt, "signature": signature,
    });
    Some(STANDARD.encode(solution.to_string()))
}

fn signature(keys: &KeyRing, challenge: &str) -> String {
    keys.fingerprint(&format!("proof {challenge}"))
}

fn is_same(a: &str, b: &str) -> bool {
    verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

fn hash(salt: &str, number: u32) -> String {
    hex::encode(digest::digest(&digest::SHA256, format!("{salt}{number}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: &str = "0123456789abcdef01234567";

    fn keys(byte: u8) -> KeyRing {
        KeyRing::new(&[[byte; 32]]).unwrap()
    }

    fn solution(number: u32) -> String {
        solve(&issue(&keys(1), SALT, number, Timestamp::UNIX_EPOCH)).unwrap()
    }

    #[test]
    fn a_solution_is_valid_until_it_expires_and_for_its_keys_only() {
        let (now, solution) = (Timestamp::UNIX_EPOCH, solution(321));
        let token = verify(&keys(1), &solution, now).unwrap();
        assert_eq!(verify(&keys(1), &solution, now + LIFETIME), Some(token));
        assert_eq!(verify(&keys(1), &solution, now + LIFETIME + SignedDuration::from_secs(1)), None);
        assert_eq!(verify(&keys(2), &solution, now), None);
    }

    #[test]
    fn a_solution_cannot_be_changed() {
        let text = String::from_utf8(STANDARD.decode(solution(77)).unwrap()).unwrap();
        assert!(verify(&keys(1), &STANDARD.encode(&text), Timestamp::UNIX_EPOCH).is_some());
        for (from, to) in [
            ("\"number\":77", "\"number\":78"),
            // A later expiry, with a digit moved from the number.
            ("expires=600&\"", "expires=6007\""),
            ("expires=600&", "expires=900&"),
            ("SHA-256", "SHA-1"),
            (SALT, "1123456789abcdef01234567"),
            ("0123", ""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}: {text}");
            assert_eq!(verify(&keys(1), &STANDARD.encode(&changed), Timestamp::UNIX_EPOCH), None, "{to}");
        }
        let long = format!("{}{}", text, " ".repeat(MAX_SOLUTION_BYTES));
        assert_eq!(verify(&keys(1), &STANDARD.encode(long), Timestamp::UNIX_EPOCH), None);
    }

    proptest! {
        #[test]
        fn random_text_is_rejected(text in "\\PC{0,80}") {
            prop_assert_eq!(verify(&keys(1), &text, Timestamp::UNIX_EPOCH), None);
            prop_assert_eq!(verify(&keys(1), &STANDARD.encode(&text), Timestamp::UNIX_EPOCH), None);
        }
    }
}
