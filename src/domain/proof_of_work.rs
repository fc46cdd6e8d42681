//! What a client shows for itself where signups look like an attack: a proof that it has worked a little, or a ticket with which it
//! has waited. Neither holds anything about who asks.
//!
//! The challenge is ALTCHA's (version 1 of its protocol): find the number that, written after the salt, has this SHA-256. The
//! salt ends with `&`, so that no digit of its time can be taken for one of the number.

use super::{token::KeyRing, words::words};
use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// The number is looked for from 0 to here: half a second on a desk, a few on an old telephone.
const MAX_NUMBER: u32 = 100_000;
/// A challenge is good for so long.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Who waits, because there is no script, waits so long …
pub const WAIT: SignedDuration = SignedDuration::from_secs(20);
/// … and no longer than this.
const TICKET_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// The clocks of several machines may be a little apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);
/// Longest answer that is looked at.
const MAX_ANSWER_BYTES: usize = 1024;
const ALGORITHM: &str = "SHA-256";
/// Hexadecimal digits that make a challenge its own.
const SALT_CHARS: usize = 24;

words! {
    /// When a signup needs a proof.
    ProofPolicy {
        /// Never.
        Never = "never",
        /// Always.
        Always = "always",
        /// While signups look like an attack.
        UnderAttack = "under_attack",
    }
}

/// What a client is asked to solve.
#[expect(clippy::struct_field_names, reason = "the protocol names the fields")]
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Challenge {
    algorithm: String,
    challenge: String,
    maxnumber: u32,
    salt: String,
    signature: String,
}

/// What it answers.
#[derive(Debug, serde::Deserialize)]
struct Answer {
    algorithm: String,
    challenge: String,
    number: u32,
    salt: String,
    signature: String,
}

/// A proof or a ticket that is right, and may be used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What tells it from all others: a keyed hash.
    pub name: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// The number is looked for from 0 to here, where so much of the limit for everybody together is taken up, in percent: who fills it in
/// spite of the proofs finds them dearer, up to eight times.
pub const fn max_number(percent: i64) -> u32 {
    MAX_NUMBER
        * match percent {
            90.. => 8,
            75.. => 4,
            50.. => 2,
            _ => 1,
        }
}

/// Makes a challenge. `salt` is 24 random hexadecimal digits, `random` any number; the one that is looked for is no larger than `most`.
pub fn challenge(keys: &KeyRing, salt: &str, random: u32, most: u32, now: Timestamp) -> Challenge {
    let number = random % most.saturating_add(1);
    let salt = format!("{salt}?expires={}&", (now + LIFETIME).as_second());
    let challenge = hash(&salt, number);
    let signature = signature(keys, &challenge);
    Challenge { algorithm: ALGORITHM.to_owned(), challenge, maxnumber: most, salt, signature }
}

/// Reads a proof: base64 of JSON, as ALTCHA's clients send it. `None`: it is not right, not ours, or too old.
pub fn check(keys: &KeyRing, proof: &str, now: Timestamp) -> Option<Shown> {
    if proof.len() > MAX_ANSWER_BYTES {
        return None;
    }
    let answer: Answer = serde_json::from_slice(&STANDARD.decode(proof).ok()?).ok()?;
    let (own, rest) = answer.salt.split_once("?expires=")?;
    let expires_at = Timestamp::from_second(rest.strip_suffix('&')?.parse().ok()?).ok()?;
    let is_right = answer.algorithm == ALGORITHM
        && own.len() == SALT_CHARS
        && answer.challenge == hash(&answer.salt, answer.number)
        && same(&signature(keys, &answer.challenge), &answer.signature);
    (is_right && now <= expires_at).then_some(Shown { name: answer.signature, expires_at })
}

/// Finds the number, as a client does.
pub fn solve(challenge: &Challenge) -> Option<String> {
    let number =
        (0..=challenge.maxnumber).find(|number| hash(&challenge.salt, *number) == challenge.challenge)?;
    let Challenge { algorithm, challenge, salt, signature, .. } = challenge;
    let answer = serde_json::json!({
        "algorithm": algorithm, "challenge": challenge, "number": number, "salt": salt, "signature": signature,
    });
    Some(STANDARD.encode(answer.to_string()))
}

/// Makes a ticket to wait with. `salt` is random.
pub fn ticket(keys: &KeyRing, salt: &str, now: Timestamp) -> String {
    let millis = now.as_millisecond();
    format!("{millis}.{salt}.{}", keys.fingerprint(&format!("ticket {millis} {salt}")))
}

/// What a ticket is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticket {
    /// Nothing: it is not ours, or too old.
    Void,
    /// Not yet anything.
    TooSoon {
        /// How much longer.
        wait: SignedDuration,
    },
    /// Its holder has waited.
    Good(Shown),
}

/// Reads a ticket.
pub fn read_ticket(keys: &KeyRing, text: &str, now: Timestamp) -> Ticket {
    let read = || {
        let (millis, rest) = text.split_once('.').filter(|_| text.len() <= MAX_ANSWER_BYTES)?;
        let (salt, hash) = rest.split_once('.')?;
        let at = Timestamp::from_millisecond(millis.parse().ok()?).ok()?;
        let right = keys.fingerprint(&format!("ticket {millis} {salt}"));
        same(&right, hash).then(|| (at, Shown { name: right, expires_at: at + TICKET_LIFETIME }))
    };
    let Some((at, shown)) = read() else { return Ticket::Void };
    let waited = now.duration_since(at);
    if waited < -CLOCKS_APART || now > shown.expires_at {
        Ticket::Void
    } else if waited < WAIT {
        Ticket::TooSoon { wait: WAIT - waited }
    } else {
        Ticket::Good(shown)
    }
}

fn signature(keys: &KeyRing, challenge: &str) -> String {
    keys.fingerprint(&format!("proof {challenge}"))
}

fn same(a: &str, b: &str) -> bool {
    verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

fn hash(salt: &str, number: u32) -> String {
    let hash = digest::digest(&digest::SHA256, format!("{salt}{number}").as_bytes());
    hash.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: &str = "0123456789abcdef01234567";

    fn keys(byte: u8) -> KeyRing {
        KeyRing::new(&[[byte; 32]]).unwrap()
    }

    fn proof(number: u32) -> String {
        solve(&challenge(&keys(1), SALT, number, MAX_NUMBER, Timestamp::UNIX_EPOCH)).unwrap()
    }

    #[test]
    fn a_proof_is_good_until_its_time_is_over_and_for_its_keys_only() {
        let (now, proof) = (Timestamp::UNIX_EPOCH, proof(321));
        let shown = check(&keys(1), &proof, now).unwrap();
        assert_eq!(shown.expires_at, now + LIFETIME);
        assert_eq!(check(&keys(1), &proof, now + LIFETIME), Some(shown));
        assert_eq!(check(&keys(1), &proof, now + LIFETIME + SignedDuration::from_secs(1)), None);
        assert_eq!(check(&keys(2), &proof, now), None);
    }

    #[test]
    fn a_proof_becomes_dearer_while_the_limit_for_everybody_fills() {
        let at: Vec<u32> = [0, 49, 50, 75, 90, 100].map(|percent| max_number(percent) / MAX_NUMBER).into();
        assert_eq!(at, [1, 1, 2, 4, 8, 8]);
        let dear = challenge(&keys(1), SALT, 3 * MAX_NUMBER, max_number(90), Timestamp::UNIX_EPOCH);
        assert_eq!(dear.maxnumber, 8 * MAX_NUMBER);
        assert!(check(&keys(1), &solve(&dear).unwrap(), Timestamp::UNIX_EPOCH).is_some());
    }

    #[test]
    fn what_a_proof_says_can_not_be_changed() {
        let answer = String::from_utf8(STANDARD.decode(proof(77)).unwrap()).unwrap();
        assert!(check(&keys(1), &STANDARD.encode(&answer), Timestamp::UNIX_EPOCH).is_some());
        for (from, to) in [
            ("\"number\":77", "\"number\":78"),
            // A longer time, with digits taken from the number.
            ("expires=600&\"", "expires=6007\""),
            ("expires=600&", "expires=900&"),
            ("SHA-256", "SHA-1"),
            (SALT, "1123456789abcdef01234567"),
            ("0123", ""),
        ] {
            let changed = answer.replacen(from, to, 1);
            assert_ne!(changed, answer, "{from}: {answer}");
            assert_eq!(check(&keys(1), &STANDARD.encode(&changed), Timestamp::UNIX_EPOCH), None, "{to}");
        }
        let long = format!("{}{}", answer, " ".repeat(MAX_ANSWER_BYTES));
        assert_eq!(check(&keys(1), &STANDARD.encode(long), Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn a_ticket_is_good_after_the_wait_and_for_an_hour() {
        let begin = Timestamp::UNIX_EPOCH;
        let text = ticket(&keys(1), SALT, begin);
        let at = |after| read_ticket(&keys(1), &text, begin + after);
        let second = SignedDuration::from_secs(1);
        assert_eq!(at(second), Ticket::TooSoon { wait: WAIT - second });
        assert!(matches!(at(WAIT), Ticket::Good(_)));
        assert!(matches!(at(TICKET_LIFETIME), Ticket::Good(_)));
        assert_eq!(at(TICKET_LIFETIME + second), Ticket::Void);
        assert_eq!(read_ticket(&keys(2), &text, begin + WAIT), Ticket::Void);
        assert_eq!(read_ticket(&keys(1), &text.replacen('0', "-9", 1), begin + WAIT), Ticket::Void);
    }

    proptest! {
        #[test]
        fn rubbish_is_neither(text in "\\PC{0,80}") {
            prop_assert_eq!(check(&keys(1), &text, Timestamp::UNIX_EPOCH), None);
            prop_assert_eq!(check(&keys(1), &STANDARD.encode(&text), Timestamp::UNIX_EPOCH), None);
            prop_assert_eq!(read_ticket(&keys(1), &text, Timestamp::UNIX_EPOCH), Ticket::Void);
        }
    }
}
