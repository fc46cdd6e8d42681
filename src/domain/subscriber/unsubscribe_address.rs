//! Unsubscribing by email (RFC 2369 section 3.2): an address that contains the reader's token.

use crate::domain::{subscriber::email_address::EmailAddress, token::TOKEN_CHARS};
use std::fmt::Write as _;

/// The placeholder for the reader's token in the configured address.
const PLACEHOLDER: &str = "{token}";

/// The configured address, such as `leave+{token}@news.example.org`, split at the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubscribeAddress {
    before: String,
    after: String,
}

impl UnsubscribeAddress {
    /// Parses the configured address. The result is valid with any token.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (before, after) = text
            .split_once(PLACEHOLDER)
            .ok_or_else(|| format!("`{}` doesn't contain {PLACEHOLDER}", text.escape_debug()))?;
        if !after.contains('@') || after.contains(PLACEHOLDER) {
            return Err(format!("{PLACEHOLDER} must appear once, before the @"));
        }
        let filled = format!("{before}{}{after}", "x".repeat(TOKEN_CHARS));
        let address = EmailAddress::parse(&filled)
            .map_err(|error| format!("with a reader's token of {TOKEN_CHARS} characters, {error}"))?;
        let after = address.as_str()[before.len() + TOKEN_CHARS..].to_owned();
        Ok(Self { before: before.to_owned(), after })
    }

    /// Returns the `mailto:` URL for `List-Unsubscribe`. The token is in the subject as well, because some
    /// mail systems convert addresses to lower case, which breaks the token.
    pub fn url(&self, token: &str) -> String {
        let mut address = String::with_capacity(128);
        for part in [&self.before, token, &self.after] {
            // In the address part of a `mailto:` URL, these characters have other meanings (RFC 6068 section
            // 2).
            for c in part.chars() {
                match c {
                    '%' | '?' | '&' | '#' | '/' | '^' | '`' | '{' | '|' | '}' => {
                        let _ = write!(address, "%{:02X}", u32::from(c));
                    }
                    c => address.push(c),
                }
            }
        }
        format!("mailto:{address}?subject=unsubscribe%20{token}")
    }

    /// Returns the token from an address that an email was sent to, if it matches.
    pub fn token_in<'a>(&self, address: &'a str) -> Option<&'a str> {
        let (start, rest) = address.trim().split_at_checked(self.before.len())?;
        let (token, end) = rest.split_at_checked(TOKEN_CHARS)?;
        (start.eq_ignore_ascii_case(&self.before) && end.eq_ignore_ascii_case(&self.after)).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_zZ";

    #[test]
    fn the_token_goes_into_the_address_and_comes_out_again() {
        let address = UnsubscribeAddress::parse("leave+{token}@News.Example.org").unwrap();
        let url = address.url(TOKEN);
        assert_eq!(url, format!("mailto:leave+{TOKEN}@news.example.org?subject=unsubscribe%20{TOKEN}"));
        assert_eq!(address.token_in(&format!(" Leave+{TOKEN}@news.EXAMPLE.org")), Some(TOKEN));
        for other in ["leave@news.example.org", "", "leave+ü@news.example.org", "ann@example.org"] {
            assert_eq!(address.token_in(other), None);
        }
        assert_eq!(address.token_in(&format!("leave+{TOKEN}x@news.example.org")), None);
        let odd = UnsubscribeAddress::parse("a&b?{token}@news.example.org").unwrap();
        assert!(odd.url(TOKEN).starts_with("mailto:a%26b%3FAQI"), "{}", odd.url(TOKEN));
    }

    #[test]
    fn an_address_that_mail_systems_would_refuse_is_refused_here() {
        let longest = format!("{}{{token}}@example.org", "a".repeat(64 - TOKEN_CHARS));
        assert!(UnsubscribeAddress::parse(&longest).is_ok());
        let too_long = UnsubscribeAddress::parse(&format!("a{longest}")).unwrap_err();
        assert!(too_long.contains("longer than 64"), "{too_long}");
        for wrong in [
            "leave@example.org",
            "leave@{token}.org",
            "{token}+{token}@example.org",
            "a b{token}@example.org",
            "{token}@x>",
        ] {
            assert!(UnsubscribeAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
