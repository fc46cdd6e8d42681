//! A sign-in under way: between the request that leads to the provider and the one that comes back.
//!
//! The browser keeps a random key in a cookie. State, nonce and code verifier are derived from that cookie and the
//! installation's secret, so nothing is stored, and nobody can make a cookie that fits a state.

use crate::domain::token::KeyRing;
use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};

/// Time to sign in at the provider.
pub const LONGEST: SignedDuration = SignedDuration::from_mins(10);
/// Random bytes of a key.
pub const KEY_BYTES: usize = 16;
/// Longest path to continue at. Longer ones would not fit into a cookie.
const MAX_NEXT_BYTES: usize = 1000;

/// A sign-in that began in one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The cookie's value: time in seconds, key and path, all of which the state authenticates.
    cookie: String,
    /// The page to continue at.
    pub next: String,
}

/// Values that belong to one sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowSecrets {
    /// Shows that an answer belongs to this browser.
    pub state: String,
    /// Shows that an ID token was made for this sign-in.
    pub nonce: String,
    /// Shows the provider that we began the sign-in (RFC 7636).
    pub verifier: String,
}

impl Flow {
    /// Begins a sign-in with a random key.
    pub fn new(key: [u8; KEY_BYTES], next: &str, now: Timestamp) -> Self {
        let next = if next.len() > MAX_NEXT_BYTES { "" } else { next };
        let cookie = format!("{}.{}.{}", now.as_second(), hex::encode(key), URL_SAFE_NO_PAD.encode(next));
        Self { cookie, next: next.to_owned() }
    }

    /// Reads a cookie. `None`: it is too old, or none of ours.
    pub fn read(cookie: &str, now: Timestamp) -> Option<Self> {
        let (begun, rest) = cookie.split_once('.')?;
        let (_key, next) = rest.split_once('.')?;
        let age = now.duration_since(Timestamp::from_second(begun.parse().ok()?).ok()?);
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        let is_current = age < LONGEST && age > -SignedDuration::from_secs(1);
        is_current.then(|| Self { cookie: cookie.to_owned(), next })
    }

    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Returns the values of this sign-in, by the key that signs.
    pub fn new_secrets(&self, keys: &KeyRing) -> FlowSecrets {
        self.secrets(keys).next().expect("a key ring has a key")
    }

    /// Returns the values of this sign-in, by each of our keys.
    fn secrets(&self, keys: &KeyRing) -> impl Iterator<Item = FlowSecrets> {
        let derived = |name: &str| -> Vec<String> {
            let purpose = format!("oidc {name} {}", self.cookie);
            keys.derived_keys::<32>(&purpose).map(|key| URL_SAFE_NO_PAD.encode(key)).collect()
        };
        let pairs = derived("state").into_iter().zip(derived("nonce"));
        let all = pairs.zip(derived("verifier"));
        all.map(|((state, nonce), verifier)| FlowSecrets { state, nonce, verifier })
    }

    /// Returns the values of the sign-in that a state belongs to, if it is this one.
    pub fn secrets_of(&self, keys: &KeyRing, state: &str) -> Option<FlowSecrets> {
        self.secrets(keys).find(|it| is_same(&it.state, state))
    }
}

impl FlowSecrets {
    /// Returns the verifier's hash, which the provider keeps (method S256).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.verifier.as_bytes()))
    }
}

/// Compares texts in constant time.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(secrets: &[u8]) -> KeyRing {
        KeyRing::new(&secrets.iter().map(|byte| [*byte; 32]).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_cookie_fits_its_own_state_alone() {
        let (keys, now) = (ring(&[1]), Timestamp::UNIX_EPOCH);
        let flow = Flow::new([1; KEY_BYTES], "/admin/people?x=1", now);
        let secrets = flow.new_secrets(&keys);
        assert_eq!((secrets.verifier.len(), secrets.challenge().len()), (43, 43));
        assert!(secrets.state != secrets.nonce && secrets.nonce != secrets.verifier);
        let read = Flow::read(flow.cookie(), now).unwrap();
        assert_eq!(read.next, "/admin/people?x=1");
        assert_eq!(read.secrets_of(&keys, &secrets.state), Some(secrets.clone()));
        let other = Flow::new([2; KEY_BYTES], "/admin/people?x=1", now);
        assert_eq!(other.secrets_of(&keys, &secrets.state), None);
        let elsewhere = Flow::new([1; KEY_BYTES], "/admin", now);
        assert_eq!(elsewhere.secrets_of(&keys, &secrets.state), None, "the path is part of it");
        assert_eq!(read.secrets_of(&ring(&[2]), &secrets.state), None);
        assert!(read.secrets_of(&ring(&[2, 1]), &secrets.state).is_some(), "the old key still verifies");
    }

    #[test]
    fn a_cookie_is_valid_for_ten_minutes() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let flow = Flow::new([1; KEY_BYTES], "/admin", now);
        let read_after = |seconds| Flow::read(flow.cookie(), now + SignedDuration::from_secs(seconds));
        assert!(read_after(0).is_some() && read_after(599).is_some());
        assert!(read_after(600).is_none() && read_after(-1).is_none());
        for broken in ["", ".", "..", "x.y.z", "1000000.ab", "1000000.ab.!", "99999999999999999.ab."] {
            assert!(Flow::read(broken, now).is_none(), "{broken}");
        }
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let secrets = FlowSecrets {
            state: String::new(),
            nonce: String::new(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
        };
        assert_eq!(secrets.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_path_that_is_too_long_is_forgotten() {
        let flow = Flow::new([1; KEY_BYTES], &"/".repeat(1001), Timestamp::UNIX_EPOCH);
        assert_eq!(flow.next, "");
    }
}
