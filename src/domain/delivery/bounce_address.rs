//! The envelope sender of each email (VERP): the configured address with a key in it.
//!
//! The key names the issue and the subscription, or the single email, and carries a signature. So a bounce that
//! comes back years later finds its reader, and strangers can't make one up. It holds no address. It is the
//! same at each attempt, because nothing in it is random.
//!
//! Nineteen bytes become 31 characters of base 32, in lower case, which mail systems don't change:
//!
//! | bytes | |
//! |---|---|
//! | 1 | kind in the upper half, number of the signing key in the lower half |
//! | 4 | issue, or the upper part of the single email's number |
//! | 6 | subscription, or the lower part of the single email's number |
//! | 8 | signature (HMAC-SHA-256, truncated) |

use crate::domain::{
    ids::{EmailId, IssueId, SubscriptionId},
    subscriber::email_address::EmailAddress,
    token::{KeyRing, SHORT_MAC_BYTES},
};
use data_encoding::BASE32_DNSSEC;

/// The placeholder for the key in the configured address.
const PLACEHOLDER: &str = "{key}";
/// Length of a key, in characters.
pub const KEY_CHARS: usize = 31;
/// Maximum length of the text before the key, so that the local part has at most 64 characters.
const MAX_PREFIX_CHARS: usize = 33;
const BODY_BYTES: usize = 11;

/// The email that a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// A reader's copy of an issue.
    Copy { issue: IssueId, subscription: SubscriptionId },
    /// A single email.
    Email(EmailId),
}

impl Returned {
    fn body(self, key_number: u8) -> Option<[u8; BODY_BYTES]> {
        let (kind, upper, lower) = match self {
            Self::Copy { issue, subscription } => {
                (1_u8, u32::try_from(issue.0).ok()?, u64::try_from(subscription.0).ok()?)
            }
            Self::Email(email) => {
                let number = u64::try_from(email.0).ok()?;
                (2, u32::try_from(number >> 48).ok()?, number & 0xffff_ffff_ffff)
            }
        };
        let lower = lower.to_be_bytes();
        if lower[..2] != [0, 0] {
            return None;
        }
        let mut body = [0; BODY_BYTES];
        body[0] = (kind << 4) | key_number;
        body[1..5].copy_from_slice(&upper.to_be_bytes());
        body[5..].copy_from_slice(&lower[2..]);
        Some(body)
    }

    fn from_body(body: &[u8]) -> Option<Self> {
        let (&head, numbers) = body.split_first()?;
        let (upper, lower) = numbers.split_at_checked(4)?;
        let upper = upper.iter().fold(0_i64, |number, &byte| (number << 8) | i64::from(byte));
        let lower = lower.iter().fold(0_i64, |number, &byte| (number << 8) | i64::from(byte));
        match head >> 4 {
            1 => Some(Self::Copy { issue: IssueId(upper), subscription: SubscriptionId(lower) }),
            2 if upper < 1 << 15 => Some(Self::Email(EmailId((upper << 48) | lower))),
            _ => None,
        }
    }
}

/// Makes the key for an email. `None` if a number is too large for it, which takes 2^32 issues.
pub fn key(keys: &KeyRing, returned: Returned) -> Option<String> {
    let body = returned.body(keys.key_number())?;
    let mut bytes = body.to_vec();
    bytes.extend(keys.sign_short(&body));
    Some(BASE32_DNSSEC.encode(&bytes))
}

/// Returns what a key names, or `None` unless we made it.
pub fn open_key(keys: &KeyRing, key: &str) -> Option<Returned> {
    if key.len() != KEY_CHARS {
        return None;
    }
    let bytes = BASE32_DNSSEC.decode(key.as_bytes()).ok()?;
    let (body, mac) = bytes.split_at_checked(BODY_BYTES)?;
    (mac.len() == SHORT_MAC_BYTES && keys.verify_short(body[0] & 0x0f, body, mac)).then_some(())?;
    Returned::from_body(body)
}

/// The configured address, such as `bounce+{key}@bounces.example.org`, split at the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BounceAddress {
    before: String,
    /// From the `@` on.
    after: String,
}

impl BounceAddress {
    /// Parses the configured address. The result is valid with any key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (before, after) = text
            .split_once(PLACEHOLDER)
            .ok_or_else(|| format!("`{}` doesn't contain {PLACEHOLDER}", text.escape_debug()))?;
        if !after.starts_with('@') {
            return Err(format!("{PLACEHOLDER} must stand directly before the @"));
        }
        if before.len() > MAX_PREFIX_CHARS {
            return Err(format!("more than {MAX_PREFIX_CHARS} characters stand before {PLACEHOLDER}"));
        }
        let filled = format!("{before}{}{after}", "0".repeat(KEY_CHARS));
        let address = EmailAddress::parse(&filled).map_err(|error| format!("with a key, {error}"))?;
        Ok(Self { before: before.to_owned(), after: format!("@{}", address.domain()) })
    }

    /// Returns the envelope sender with a key.
    pub fn with(&self, key: &str) -> Option<EmailAddress> {
        EmailAddress::parse(&format!("{}{key}{}", self.before, self.after)).ok()
    }

    /// Returns the key from an address, if it matches. Case doesn't matter.
    pub fn key_in<'a>(&self, address: &'a str) -> Option<&'a str> {
        let (start, rest) = address.trim().split_at_checked(self.before.len())?;
        let (key, end) = rest.split_at_checked(KEY_CHARS)?;
        (start.eq_ignore_ascii_case(&self.before) && end.eq_ignore_ascii_case(&self.after)).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(secrets: &[u8]) -> KeyRing {
        KeyRing::new(&secrets.iter().map(|byte| [*byte; 32]).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_key_names_its_copy_or_email_and_fits_an_address() {
        let address = BounceAddress::parse("bounce+{key}@Bounces.Example.org").unwrap();
        for returned in [
            Returned::Copy { issue: IssueId(7), subscription: SubscriptionId(1_000_000) },
            Returned::Copy { issue: IssueId(u32::MAX.into()), subscription: SubscriptionId((1 << 48) - 1) },
            Returned::Email(EmailId(42)),
            Returned::Email(EmailId(i64::MAX)),
        ] {
            let text = key(&ring(&[1]), returned).unwrap();
            assert_eq!(text.len(), KEY_CHARS);
            assert_eq!(Some(&text), key(&ring(&[1]), returned).as_ref(), "the same at each attempt");
            assert_eq!(open_key(&ring(&[2, 1]), &text.to_uppercase()), Some(returned));
            assert_eq!(open_key(&ring(&[2]), &text), None);
            let sender = address.with(&text).unwrap();
            assert_eq!(address.key_in(&sender.as_str().to_uppercase()), Some(text.to_uppercase().as_str()));
        }
        let too_large = Returned::Copy { issue: IssueId(1 << 32), subscription: SubscriptionId(1) };
        assert_eq!(key(&ring(&[1]), too_large), None);
    }

    #[test]
    fn an_address_that_mail_systems_would_refuse_is_refused_here() {
        let longest = format!("{}{{key}}@example.org", "a".repeat(33));
        assert!(BounceAddress::parse(&longest).is_ok());
        for wrong in [
            &format!("a{longest}"),
            "bounce@example.org",
            "{key}x@example.org",
            "bounce@{key}.org",
            "a b{key}@x.org",
        ] {
            assert!(BounceAddress::parse(wrong).is_err(), "{wrong}");
        }
        let address = BounceAddress::parse("bounce+{key}@example.org").unwrap();
        for other in ["bounce+@example.org", "ann@example.org", "", "bounce+ü@example.org"] {
            assert_eq!(address.key_in(other), None);
        }
    }

    proptest! {
        #[test]
        fn an_altered_key_is_rejected(id in 0_i64.., position in 0..KEY_CHARS - 1, with in "[0-9a-v]") {
            let made = key(&ring(&[1]), Returned::Email(EmailId(id))).unwrap();
            let mut altered = made.clone();
            altered.replace_range(position..=position, &with);
            prop_assume!(altered != made);
            prop_assert_eq!(open_key(&ring(&[1]), &altered), None);
        }
    }
}
