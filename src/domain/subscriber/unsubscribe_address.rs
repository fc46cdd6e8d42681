//! Leaving by mail (RFC 2369 section 3.2): the address a reader's mail program writes to, which holds the reader's own token.

use crate::domain::{subscriber::email_address::EmailAddress, token::TOKEN_CHARS};
use std::fmt::Write as _;

/// Stands in the configured address where each reader's token will be.
const PLACE: &str = "{token}";

/// `leave+{token}@news.example.org`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingAddress {
    /// What comes before the token.
    before: String,
    /// What comes after it.
    after: String,
}

impl LeavingAddress {
    /// Reads the configured address. With any token in it, it is one that mail systems take.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (before, after) = text
            .split_once(PLACE)
            .ok_or_else(|| format!("`{}` has no {PLACE} in it", text.escape_debug()))?;
        if !after.contains('@') || after.contains(PLACE) {
            return Err(format!("{PLACE} must stand once, before the @"));
        }
        let filled = format!("{before}{}{after}", "x".repeat(TOKEN_CHARS));
        let address = EmailAddress::parse(&filled)
            .map_err(|error| format!("with a reader's token of {TOKEN_CHARS} characters, {error}"))?;
        let after = address.as_str()[before.len() + TOKEN_CHARS..].to_owned();
        Ok(Self { before: before.to_owned(), after })
    }

    /// What stands in `List-Unsubscribe` for a reader. The token is in the subject, too: some mail systems write addresses in small
    /// letters, and then it is worth nothing there.
    pub fn url(&self, token: &str) -> String {
        let mut address = String::with_capacity(128);
        for part in [&self.before, token, &self.after] {
            // In an address of a `mailto:` URL, `%`, `?`, `&` and `#` would mean something else (RFC 6068 section 2).
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

    /// The token in an address that mail was sent to, if it is one of these.
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
        let it = LeavingAddress::parse("leave+{token}@News.Example.org").unwrap();
        let url = it.url(TOKEN);
        assert_eq!(url, format!("mailto:leave+{TOKEN}@news.example.org?subject=unsubscribe%20{TOKEN}"));
        assert_eq!(it.token_in(&format!(" Leave+{TOKEN}@news.EXAMPLE.org")), Some(TOKEN));
        for other in ["leave@news.example.org", "", "leave+ü@news.example.org", "ann@example.org"] {
            assert_eq!(it.token_in(other), None);
        }
        assert_eq!(it.token_in(&format!("leave+{TOKEN}x@news.example.org")), None);
        let odd = LeavingAddress::parse("a&b?{token}@news.example.org").unwrap();
        assert!(odd.url(TOKEN).starts_with("mailto:a%26b%3FAQI"), "{}", odd.url(TOKEN));
    }

    #[test]
    fn an_address_that_mail_systems_would_refuse_is_refused_here() {
        let longest = format!("{}{{token}}@example.org", "a".repeat(64 - TOKEN_CHARS));
        assert!(LeavingAddress::parse(&longest).is_ok());
        let too_long = LeavingAddress::parse(&format!("a{longest}")).unwrap_err();
        assert!(too_long.contains("longer than 64"), "{too_long}");
        for wrong in [
            "leave@example.org",
            "leave@{token}.org",
            "{token}+{token}@example.org",
            "a b{token}@example.org",
            "{token}@x>",
        ] {
            assert!(LeavingAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
