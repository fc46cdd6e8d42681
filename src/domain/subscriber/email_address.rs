//! [`EmailAddress`]: a mailbox we can hand to a relay, parsed once.

use lettre::Address;
use std::fmt;

/// Longest address a mail system must take (RFC 5321 section 4.5.3.1.3: a path of 256 with its angle brackets).
pub const MAX_ADDRESS_BYTES: usize = 254;
/// Longest local part (RFC 5321 section 4.5.3.1.1).
pub const MAX_LOCAL_PART_BYTES: usize = 64;
/// Longest domain (RFC 1035 section 2.3.4).
pub const MAX_DOMAIN_BYTES: usize = 253;

/// An address of the form `local@domain`, safe to put in an SMTP envelope and a header.
///
/// The local part is an ASCII dot-atom (RFC 5322 section 3.2.3), kept as written. The domain is lower case and ASCII: an
/// internationalised one is kept in its `xn--` form (RFC 5891), which every relay understands. `Debug` masks the local
/// part, so that an address never reaches a log by accident.
///
/// lettre's own parser accepts more, such as `ann@localhost` and quoted local parts, so [`Self::parse`] is the only way in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(Address);

/// Why a text is not an address Daily can mail. The message is meant for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressError {
    /// Nothing but white space.
    #[error("enter an email address")]
    Empty,
    /// More bytes than any mail system must take.
    #[error("this address is longer than the {MAX_ADDRESS_BYTES} characters an email address can have")]
    TooLong,
    /// No `@` with something on both sides.
    #[error("an email address has the form name@example.org")]
    NoAt,
    /// More than 64 bytes before the `@`.
    #[error("the part before the @ is longer than {MAX_LOCAL_PART_BYTES} characters")]
    LocalTooLong,
    /// A character or a dot where none may stand.
    #[error("the part before the @ holds a character or a dot that an email address can't have there")]
    BadLocal,
    /// Letters beyond ASCII before the `@` (RFC 6531), which few relays take.
    #[error("the part before the @ has letters outside a-z; such addresses can't be mailed reliably yet")]
    NonAsciiLocal,
    /// Not a registered-looking domain name.
    #[error("the part after the @ is not a domain name such as example.org")]
    BadDomain,
}

impl EmailAddress {
    /// Reads an address as a person types it; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        let (local, domain) = Self::split(text)?;
        // A property test shows that lettre accepts whatever `split` accepts.
        Address::new(local, &domain).map(Self).map_err(|_| EmailAddressError::BadDomain)
    }

    /// Checks an address and returns its local part and its domain in ASCII.
    fn split(text: &str) -> Result<(&str, String), EmailAddressError> {
        use EmailAddressError as E;
        let text = text.trim();
        if text.is_empty() {
            return Err(E::Empty);
        }
        // Cheap bound before the domain is normalised: four bytes a character at the most.
        if text.len() > MAX_ADDRESS_BYTES * 4 {
            return Err(E::TooLong);
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

    /// Takes an address from the database, where only parsed ones are written.
    ///
    /// It isn't parsed again: rules that have become stricter since must not take a newsletter from a reader who has it. Text
    /// that would not be safe in an envelope or a header is still refused.
    pub fn from_stored(text: &str) -> Result<Self, EmailAddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(EmailAddressError::NoAt)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte)) {
            return Err(EmailAddressError::BadLocal);
        }
        if local.is_empty() || domain.is_empty() {
            return Err(EmailAddressError::NoAt);
        }
        // lettre's rules would refuse some of these, too.
        Ok(Self(Address::new_dangerous(local, domain)))
    }

    /// The whole address, as it goes into envelope and header.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The address as lettre's builders and envelopes take it.
    pub fn as_address(&self) -> &Address {
        &self.0
    }

    /// The domain, lower case, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// Returns the address in lower case: two spellings with the same key are the same reader. (RFC 5321 lets a host tell `Ann@` from `ann@`;
    /// none that readers use does, and two subscriptions for one inbox would be two copies.)
    pub fn key(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// Returns the inbox, as far as it is known: the text behind a `+` is the reader's own, and Gmail ignores dots.
    /// Limits of mails count by it. It names no reader: who signs up as `ann+daily@` wants their mail there.
    pub fn inbox(&self) -> String {
        let key = self.key();
        let (local, domain) = key.split_at(self.0.user().len());
        let local = local.split_once('+').map_or(local, |(name, _)| name);
        match domain {
            "@gmail.com" | "@googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
            _ => format!("{local}{domain}"),
        }
    }

    /// For logs and screens that need no more: `a***@example.org`.
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
        // A last label of digits is an IP address in disguise (RFC 3696 section 2).
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
    fn a_stored_address_is_taken_as_it_is_unless_it_is_unsafe() {
        let stored = EmailAddress::from_stored;
        // Whatever the rules for new ones become.
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
    fn ordinary_addresses_are_taken() {
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
    fn impossible_addresses_are_refused_with_the_reason() {
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
    fn spelling_does_not_make_a_second_reader_and_debug_hides_the_name() {
        let address = EmailAddress::parse("Ann@Example.org").unwrap();
        assert_eq!(address.key(), "ann@example.org");
        assert_eq!(format!("{address:?}"), "EmailAddress(A***@example.org)");
    }

    #[test]
    fn one_inbox_is_known_by_all_its_spellings() {
        for (text, inbox) in [
            ("Victim+1@example.org", "victim@example.org"),
            ("victim@example.org", "victim@example.org"),
            ("v.ictim@example.org", "v.ictim@example.org"),
            ("v.i.c.tim+a+b@gmail.com", "victim@gmail.com"),
            ("Vic.tim@GoogleMail.com", "victim@gmail.com"),
            ("+@example.org", "@example.org"),
        ] {
            assert_eq!(EmailAddress::parse(text).unwrap().inbox(), inbox, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_safe_in_an_envelope_and_parses_again(text in "\\PC{0,80}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!address.as_str().contains(['<', '>', ',', ';', ':', '"', '\\', '(', ')']));
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }

        #[test]
        fn lettre_accepts_whatever_our_checks_accept(
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
