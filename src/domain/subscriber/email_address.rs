//! Validated email addresses.

use crate::domain::subscriber::{address_text::tidy_address, inbox::inbox};
use lettre::Address;
use std::fmt;

/// Maximum length of an address (RFC 5321 section 4.5.3.1.3: a path of 256 with its angle brackets).
pub const MAX_ADDRESS_BYTES: usize = 254;
/// Maximum length of the local part (RFC 5321 section 4.5.3.1.1).
pub const MAX_LOCAL_PART_BYTES: usize = 64;
/// Maximum length of a domain (RFC 1035 section 2.3.4).
pub const MAX_DOMAIN_BYTES: usize = 253;

/// An address of the form `local@domain`, safe to put in an SMTP envelope and a header.
///
/// The local part is an ASCII dot-atom (RFC 5322 section 3.2.3), kept as written. The domain is lower case
/// and ASCII: an internationalised one is kept in its `xn--` form (RFC 5891), which every relay understands.
/// `Debug` masks the local part, so that an address never reaches a log by accident.
///
/// lettre's own parser accepts more, such as `ann@localhost` and quoted local parts, so [`Self::parse`] is
/// the only way in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(Address);

/// Reasons why an address is rejected. The messages are shown to the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressError {
    #[error("enter an email address")]
    Empty,
    #[error("this address is longer than the {MAX_ADDRESS_BYTES} characters an email address can have")]
    TooLong,
    /// There is no `@` with text on both sides.
    #[error("an email address has the form name@example.org")]
    NoAt,
    #[error("the part before the @ is longer than {MAX_LOCAL_PART_BYTES} characters")]
    LocalTooLong,
    /// A character or dot is not allowed in the local part.
    #[error("the part before the @ contains a character or a dot that is not allowed there")]
    BadLocal,
    /// The local part isn't ASCII (RFC 6531), which few relays support.
    #[error("the part before the @ has letters outside a-z; such addresses can't be mailed reliably yet")]
    NonAsciiLocal,
    #[error("the part after the @ is not a domain name such as example.org")]
    BadDomain,
}

impl EmailAddress {
    /// Parses an address as typed, after [`tidy_address`].
    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        // A cheap bound before the text is read: at most four bytes per character.
        if text.len() > MAX_ADDRESS_BYTES * 4 {
            return Err(EmailAddressError::TooLong);
        }
        let text = tidy_address(text);
        let (local, domain) = Self::split(&text)?;
        // A property test checks that lettre accepts every result of `split`.
        Address::new(local, &domain).map(Self).map_err(|_| EmailAddressError::BadDomain)
    }

    /// Validates an address and returns its local part and ASCII domain.
    fn split(text: &str) -> Result<(&str, String), EmailAddressError> {
        use EmailAddressError as E;
        if text.is_empty() {
            return Err(E::Empty);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(E::NoAt)?;
        if local.is_empty() || domain.is_empty() {
            return Err(E::NoAt);
        }
        if !local.is_ascii() {
            return Err(E::NonAsciiLocal);
        }
        if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)) {
            return Err(E::BadLocal);
        }
        if local.len() > MAX_LOCAL_PART_BYTES {
            return Err(E::LocalTooLong);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| E::BadDomain)?;
        if !is_domain(&domain) {
            return Err(E::BadDomain);
        }
        if local.len() + 1 + domain.len() > MAX_ADDRESS_BYTES {
            return Err(E::TooLong);
        }
        Ok((local, domain))
    }

    /// Creates an address from the database, which contains only parsed addresses.
    ///
    /// The address isn't parsed again: if rules become stricter, existing readers must not lose their
    /// newsletter. Text that is unsafe in an envelope or a header is still rejected.
    pub fn from_stored(text: &str) -> Result<Self, EmailAddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(EmailAddressError::NoAt)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte)) {
            return Err(EmailAddressError::BadLocal);
        }
        if local.is_empty() || domain.is_empty() {
            return Err(EmailAddressError::NoAt);
        }
        // lettre would reject some of these addresses.
        Ok(Self(Address::new_dangerous(local, domain)))
    }

    /// Returns the whole address.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// Returns the address as lettre's type.
    pub fn as_address(&self) -> &Address {
        &self.0
    }

    /// Returns the domain in lower-case ASCII.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// Returns the address in lower case. Spellings with the same key are the same reader. (RFC 5321 allows a
    /// host to distinguish `Ann@` from `ann@`, but no common host does, and two subscriptions would mean two
    /// copies in one inbox.)
    pub fn key(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// Returns the inbox behind an address, by the rules of its provider. Limits on emails count per inbox.
    pub fn inbox(&self) -> String {
        inbox(&self.0.user().to_ascii_lowercase(), self.domain())
    }

    /// Returns a masked form for logs: `a***@example.org`.
    pub fn masked(&self) -> String {
        format!("{}***@{}", &self.as_str()[..1], self.domain())
    }
}

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    domain.len() <= MAX_DOMAIN_BYTES
        && labels.len() >= 2
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
        // A numeric last label makes it an IP address (RFC 3696 section 2).
        && !labels[labels.len() - 1].bytes().all(|b| b.is_ascii_digit())
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.masked())
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = EmailAddressError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl serde::Serialize for EmailAddress {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stored_address_is_accepted_unless_it_is_unsafe() {
        let stored = EmailAddress::from_stored;
        // Regardless of the current rules.
        for kept in ["ann@example.org", "a..b@example.org", "ann@localhost", "\"a\"@1.2.3.4"] {
            let address = stored(kept).unwrap();
            assert_eq!((address.as_str(), address.domain()), (kept, kept.rsplit_once('@').unwrap().1));
        }
        for text in ["", "@", "ann", "ann@", "@example.org", "a\r\nb@example.org", "a b@example.org", "a@b>"]
        {
            assert!(stored(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ordinary_addresses_are_accepted() {
        for (typed, kept) in [
            ("ann@example.org", "ann@example.org"),
            ("  Ann.Lee+daily@Example.ORG ", "Ann.Lee+daily@example.org"),
            ("o'brien@example.co.uk", "o'brien@example.co.uk"),
            ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
            ("a@b.co", "a@b.co"),
        ] {
            assert_eq!(EmailAddress::parse(typed).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn invalid_addresses_are_rejected_with_a_reason() {
        use EmailAddressError as E;
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long = format!("a@{}.org", "b.".repeat(130).trim_end_matches('.'));
        let oversized = "x".repeat(100_000);
        for (typed, why) in [
            ("", E::Empty),
            ("   ", E::Empty),
            ("ann", E::NoAt),
            ("@example.org", E::NoAt),
            ("ann@", E::NoAt),
            ("ann@localhost", E::BadDomain),
            ("ann@-x.org", E::BadDomain),
            ("ann@exa mple.org", E::BadDomain),
            ("ann@127.0.0.1", E::BadDomain),
            ("ann@[127.0.0.1]", E::BadDomain),
            (".ann@example.org", E::BadLocal),
            ("ann..lee@example.org", E::BadLocal),
            ("ann lee@example.org", E::BadLocal),
            ("a@b@example.org", E::BadLocal),
            ("\"ann lee\"@example.org", E::BadLocal),
            ("ann\r\nBcc: x@example.org", E::BadLocal),
            ("ann@example.org\r\nBcc: x", E::BadDomain),
            ("<script>@example.org", E::BadLocal),
            ("jörg@example.org", E::NonAsciiLocal),
            (&long_local, E::LocalTooLong),
            (&long, E::BadDomain),
            (&oversized, E::TooLong),
        ] {
            assert_eq!(EmailAddress::parse(typed), Err(why), "{typed:.60}");
        }
    }

    #[test]
    fn case_does_not_make_a_second_reader_and_debug_masks_the_name() {
        let address = EmailAddress::parse("Ann@Example.org").unwrap();
        assert_eq!(address.key(), "ann@example.org");
        assert_eq!(format!("{address:?}"), "EmailAddress(A***@example.org)");
    }

    proptest! {
        #[test]
        fn accepted_addresses_are_safe_in_an_envelope_and_parse_again(text in "\\PC{0,80}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!address.as_str().contains(['<', '>', ',', ';', ':', '"', '\\', '(', ')']));
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }

        #[test]
        fn lettre_accepts_all_addresses_that_we_accept(
            local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,66}",
            domain in "([a-zA-Z0-9-]{1,64}|xn--[a-z0-9-]{1,20}|[a-zß-ÿا-يぁ-ん一-龠0-9-]{1,30}|[0-9]{1,3})(\\.([a-zA-Z0-9-]{1,63}|[à-ÿ一-龠]{1,20}|[0-9]{1,3})){1,4}",
        ) {
            let text = format!("{local}@{domain}");
            if let Ok((local, domain)) = EmailAddress::split(&text) {
                prop_assert!(Address::new(local, &domain).is_ok(), "{text}");
                prop_assert!(format!("{local}@{domain}").parse::<Address>().is_ok(), "{text}");
                prop_assert_eq!(EmailAddress::parse(&text).map(|it| it.as_str().to_owned()), Ok(format!("{local}@{domain}")));
            }
        }
    }
}
