//! Signed tokens for the links in our emails.
//!
//! A token names a purpose and a row, and carries a keyed hash (HMAC-SHA-256, RFC 2104, truncated to 128
//! bits). Row numbers count readers, so the row is encrypted with a key stream made from that hash (a synthetic
//! initialization vector, as in RFC 5297). Tokens are not stored, so the database can't leak them, and links in old
//! emails keep working. Keys rotate: the first key of a ring signs, and all of them verify.

use aws_lc_rs::{digest, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The purpose of a link. A token for one purpose is invalid for any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Confirms a signup; the id is the confirmation's.
    Confirm,
    /// Ends a subscription; the id is the subscription's.
    Unsubscribe,
    /// Replaces a reader's token in a test email, and changes nothing.
    Test,
    /// Marks a signup form; the id is the time it was shown.
    Form,
    /// Confirms a change of address at the old address; the id is the request's.
    OldAddress,
    /// Confirms a change of address at the new address; the id is the request's.
    NewAddress,
    /// Opens a data export; the id is the request's.
    DataExport,
    /// Opens an issue's approval for an operator who signs in; the id is that of a revision that was shown.
    ReviewIssue,
    /// Opens the page about an alert's matter for an operator who signs in; the id is the email's.
    Notice,
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::Confirm => 1,
            Self::Unsubscribe => 2,
            Self::Test => 3,
            Self::Form => 4,
            Self::OldAddress => 16,
            Self::NewAddress => 17,
            Self::DataExport => 18,
            Self::ReviewIssue => 32,
            Self::Notice => 33,
        }
    }
}

const VERSION: u8 = 2;
/// First byte of what a key stream is made from. Signatures begin with a version, and fingerprints with 0.
const KEY_STREAM: u8 = 255;
/// Likewise for signatures inside addresses.
const SHORT_SIGNATURE: u8 = 254;
/// Likewise for derived keys.
const DERIVED_KEY: u8 = 253;
const KEY_ID_BYTES: usize = 4;
const ID_BYTES: usize = 8;
const BODY_BYTES: usize = 1 + 1 + KEY_ID_BYTES + ID_BYTES;
const MAC_BYTES: usize = 16;
/// Length of a signature inside an address, in bytes.
pub const SHORT_MAC_BYTES: usize = 8;
/// Minimum length of a secret, in bytes.
pub const MIN_SECRET_BYTES: usize = 32;
/// Length of a token, in characters.
pub const TOKEN_CHARS: usize = (BODY_BYTES + MAC_BYTES) * 4 / 3;

struct Key {
    id: [u8; KEY_ID_BYTES],
    key: hmac::Key,
}

impl Key {
    /// Encrypts or decrypts a row's number with the key stream of its token's hash.
    fn encrypt(&self, id: &mut [u8], mac: &[u8]) {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[KEY_STREAM]);
        context.update(mac);
        id.iter_mut().zip(context.sign().as_ref()).for_each(|(byte, key)| *byte ^= key);
    }

    const fn number(&self) -> u8 {
        self.id[0] >> 4
    }

    /// The leading byte keeps these signatures apart from those of tokens and fingerprints.
    fn short_mac(&self, body: &[u8]) -> [u8; SHORT_MAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[SHORT_SIGNATURE]);
        context.update(body);
        let mut mac = [0; SHORT_MAC_BYTES];
        mac.copy_from_slice(&context.sign().as_ref()[..SHORT_MAC_BYTES]);
        mac
    }
}

/// The secrets that sign and verify tokens.
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is no secret.
    #[error("no secret is configured")]
    Empty,
    /// A secret is short enough to be guessed.
    #[error("a secret is shorter than {MIN_SECRET_BYTES} bytes")]
    TooShort,
}

impl KeyRing {
    /// Creates a ring. The first secret signs; all of them verify.
    pub fn new<S: AsRef<[u8]>>(secrets: &[S]) -> Result<Self, KeyRingError> {
        if secrets.is_empty() {
            return Err(KeyRingError::Empty);
        }
        let keys = secrets.iter().map(|secret| {
            let secret = secret.as_ref();
            if secret.len() < MIN_SECRET_BYTES {
                return Err(KeyRingError::TooShort);
            }
            let hash = digest::digest(&digest::SHA256, secret);
            let mut id = [0; KEY_ID_BYTES];
            id.copy_from_slice(&hash.as_ref()[..KEY_ID_BYTES]);
            Ok(Key { id, key: hmac::Key::new(hmac::HMAC_SHA256, secret) })
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }

    /// Signs a token for a row.
    pub fn sign(&self, purpose: Purpose, id: i64) -> String {
        let key = &self.keys[0];
        let mut bytes = Vec::with_capacity(BODY_BYTES + MAC_BYTES);
        bytes.extend([VERSION, purpose.byte()]);
        bytes.extend(key.id);
        bytes.extend(id.to_be_bytes());
        let mac = hmac::sign(&key.key, &bytes);
        let mac = &mac.as_ref()[..MAC_BYTES];
        key.encrypt(&mut bytes[BODY_BYTES - ID_BYTES..], mac);
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns a keyed hash of a text, to recognize the text without storing it. The leading zero byte keeps
    /// it apart from token signatures, which begin with a version.
    pub fn fingerprint(&self, text: &str) -> String {
        let mut context = hmac::Context::with_key(&self.keys[0].key);
        context.update(&[0]);
        context.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(&context.sign().as_ref()[..MAC_BYTES])
    }

    /// Derives a key for this use from each of our keys, that of the signing key first. So what it protects needs no
    /// secret in the database, and survives a new signing key.
    pub fn derived_keys<const N: usize>(&self, purpose: &str) -> impl Iterator<Item = [u8; N]> {
        const { assert!(N <= 32, "HMAC-SHA-256 has 32 bytes") };
        self.keys.iter().map(move |key| {
            let mut context = hmac::Context::with_key(&key.key);
            context.update(&[DERIVED_KEY]);
            context.update(purpose.as_bytes());
            let mut derived = [0; N];
            derived.copy_from_slice(&context.sign().as_ref()[..N]);
            derived
        })
    }

    /// Returns the number of the key that signs, from 0 to 15. Several keys may share a number.
    pub fn key_number(&self) -> u8 {
        self.keys[0].number()
    }

    /// Signs a few bytes for an address, where space is scarce.
    pub fn sign_short(&self, body: &[u8]) -> [u8; SHORT_MAC_BYTES] {
        self.keys[0].short_mac(body)
    }

    /// Whether one of our keys with this number signed these bytes. The comparison takes constant time.
    pub fn verify_short(&self, number: u8, body: &[u8], mac: &[u8]) -> bool {
        self.keys
            .iter()
            .filter(|key| key.number() == number)
            .any(|key| aws_lc_rs::constant_time::verify_slices_are_equal(&key.short_mac(body), mac).is_ok())
    }

    /// Returns the id in a token, or `None` unless we signed it for this purpose.
    pub fn verify(&self, purpose: Purpose, token: &str) -> Option<i64> {
        if token.len() != TOKEN_CHARS {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, mac) = bytes.split_at_mut_checked(BODY_BYTES)?;
        let key = self.keys.iter().find(|key| key.id == body[2..BODY_BYTES - ID_BYTES])?;
        key.encrypt(&mut body[BODY_BYTES - ID_BYTES..], mac);
        let expected = hmac::sign(&key.key, body);
        let (head, id) = body.split_at_checked(BODY_BYTES - ID_BYTES)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..MAC_BYTES], mac).ok()?;
        (head[0] == VERSION && head[1] == purpose.byte())
            .then(|| id.try_into().map(i64::from_be_bytes).ok())?
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.len())
    }
}

/// Returns the placeholder for the reader's token in a rendering. It holds the issue's random key, so no
/// article can contain it by chance or intent.
pub fn token_placeholder(message_key: &str) -> String {
    format!("reader-{message_key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(secrets: &[u8]) -> KeyRing {
        KeyRing::new(&secrets.iter().map(|byte| [*byte; 32]).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_token_names_its_row_for_its_purpose_only() {
        let token = ring(&[1]).sign(Purpose::Unsubscribe, 42);
        assert_eq!(token.len(), TOKEN_CHARS);
        assert_eq!(ring(&[1]).verify(Purpose::Unsubscribe, &token), Some(42));
        assert_eq!(ring(&[1]).verify(Purpose::Confirm, &token), None);
    }

    #[test]
    fn tokens_of_neighbors_have_nothing_in_common_but_the_key() {
        let ring = ring(&[1]);
        let bytes = |id| URL_SAFE_NO_PAD.decode(ring.sign(Purpose::Unsubscribe, id)).unwrap();
        let numbers: Vec<i64> =
            (1..=100).map(|id| i64::from_be_bytes(bytes(id)[6..14].try_into().unwrap())).collect();
        let in_order = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((30..70).contains(&in_order), "{in_order}");
        assert!(numbers.iter().all(|number| number.unsigned_abs() > 1_000_000), "{numbers:?}");
        assert_eq!(bytes(1)[..6], bytes(2)[..6]);
        assert_eq!(bytes(1), bytes(1), "the same link in every email");
    }

    #[test]
    fn old_keys_verify_after_rotation_and_foreign_ones_never() {
        let old = ring(&[1]).sign(Purpose::Unsubscribe, 7);
        assert_eq!(ring(&[2, 1]).verify(Purpose::Unsubscribe, &old), Some(7));
        assert_eq!(ring(&[2]).verify(Purpose::Unsubscribe, &old), None);
    }

    #[test]
    fn short_or_missing_secrets_are_refused() {
        assert_eq!(KeyRing::new::<&[u8]>(&[]).unwrap_err(), KeyRingError::Empty);
        assert_eq!(KeyRing::new(&[b"short"]).unwrap_err(), KeyRingError::TooShort);
    }

    proptest! {
        #[test]
        fn an_altered_token_is_rejected(id: i64, position in 0..TOKEN_CHARS, with in "[A-Za-z0-9_-]") {
            let token = ring(&[1]).sign(Purpose::Confirm, id);
            let mut altered = token.clone();
            altered.replace_range(position..=position, &with);
            prop_assume!(altered != token);
            prop_assert_eq!(ring(&[1]).verify(Purpose::Confirm, &altered), None);
        }

        #[test]
        fn random_text_is_rejected(text in "\\PC{0,80}") {
            prop_assert_eq!(ring(&[1]).verify(Purpose::Confirm, &text), None);
        }
    }
}
