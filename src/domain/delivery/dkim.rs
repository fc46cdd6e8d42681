//! DKIM domains, selectors and DNS records (RFC 6376 section 3.6).

use crate::domain::subscriber::email_address::EmailAddress;
use base64::{Engine as _, engine::general_purpose::STANDARD};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `rsa-sha256`: all receivers verify it.
    Rsa,
    /// `ed25519-sha256` (RFC 8463): small and fast, but many receivers don't support it yet.
    Ed25519,
}

impl Algorithm {
    /// The value of `a=` in a signature.
    pub const fn signature_tag(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }

    /// The value of `k=` in a DNS record.
    pub const fn key_tag(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl std::str::FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rsa" => Ok(Self::Rsa),
            "ed25519" => Ok(Self::Ed25519),
            other => Err(format!("`{other}` is neither rsa nor ed25519")),
        }
    }
}

/// Maximum length of a selector: it leaves room for `._domainkey.` and the domain in a DNS name.
const MAX_SELECTOR_BYTES: usize = 63;

/// Parses a signing domain. An internationalised one becomes its `xn--` form.
pub fn parse_domain(text: &str) -> Result<String, String> {
    let text = text.trim();
    // The rules are the same as for the domain of an address.
    let address = if text.contains('@') { None } else { EmailAddress::parse(&format!("a@{text}")).ok() };
    address
        .map(|address| address.domain().to_owned())
        .ok_or_else(|| format!("`{}` is not a domain name", text.escape_debug()))
}

/// Parses a selector: dot-separated labels of letters, digits and hyphens, returned in lower case.
pub fn parse_selector(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= MAX_SELECTOR_BYTES && text.split('.').all(is_label) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{}` is not a selector", text.escape_debug()))
    }
}

/// Whether a key of `domain` may sign for a sender: the sender's domain is `domain` or a subdomain (relaxed
/// DMARC alignment, RFC 7489 section 3.1.1).
pub fn signs_for(domain: &str, sender: &EmailAddress) -> bool {
    let rest = sender.domain().strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TxtRecord {
    /// The full name, without the final dot.
    pub name: String,
    pub value: String,
}

/// Maximum length of one string in a TXT record (RFC 1035 section 3.3). Resolvers concatenate the strings of
/// a record.
const MAX_STRING_BYTES: usize = 255;

impl TxtRecord {
    /// Returns the record that publishes a key. `public_key` is the SubjectPublicKeyInfo for RSA, and the 32
    /// raw bytes for Ed25519.
    pub fn for_key(domain: &str, selector: &str, algorithm: Algorithm, public_key: &[u8]) -> Self {
        Self {
            name: format!("{selector}._domainkey.{domain}"),
            value: format!("v=DKIM1; k={}; p={}", algorithm.key_tag(), STANDARD.encode(public_key)),
        }
    }

    /// Returns the value, split into strings of the maximum length.
    pub fn strings(&self) -> Vec<String> {
        let bytes = self.value.as_bytes();
        bytes.chunks(MAX_STRING_BYTES).map(|chunk| String::from_utf8_lossy(chunk).into_owned()).collect()
    }

    /// Returns the record as a line of a zone file.
    pub fn zone_line(&self) -> String {
        let strings: Vec<String> = self.strings().iter().map(|string| format!("\"{string}\"")).collect();
        format!("{}. IN TXT ( {} )", self.name, strings.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_for_its_domain_and_those_below() {
        let sender = EmailAddress::parse("daily@news.example.org").unwrap();
        assert!(signs_for("news.example.org", &sender) && signs_for("example.org", &sender));
        for other in ["ample.org", "xnews.example.org", "a.news.example.org", "example.com"] {
            assert!(!signs_for(other, &sender), "{other}");
        }
    }

    #[test]
    fn domains_and_selectors_are_dns_names() {
        assert_eq!(parse_domain(" Bücher.example ").unwrap(), "xn--bcher-kva.example");
        for bad in ["", "org", "a@example.org", "exa mple.org", "example.org; d=x.org"] {
            assert!(parse_domain(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_selector("Daily.2026-05").unwrap(), "daily.2026-05");
        for bad in ["", ".", "a..b", "-a", "a_b", "ü", "a b", &"x".repeat(64)] {
            assert!(parse_selector(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_long_record_is_cut_into_strings() {
        let record = TxtRecord::for_key("example.org", "daily", Algorithm::Rsa, &[7; 294]);
        assert_eq!(record.name, "daily._domainkey.example.org");
        assert!(record.value.starts_with("v=DKIM1; k=rsa; p="));
        let strings = record.strings();
        assert_eq!(strings.len(), 2);
        assert_eq!(strings.concat(), record.value);
        assert!(record.zone_line().starts_with("daily._domainkey.example.org. IN TXT ( \"v=DKIM1"));
    }
}
