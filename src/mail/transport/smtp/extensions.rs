//! A relay's extensions, from its answer to EHLO (RFC 5321 section 4.1.1.1).

use super::reply::Reply;
use lettre::transport::smtp::authentication::Mechanism;

/// The extensions that we use. Keywords are case-insensitive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// Pipelined commands (RFC 2920).
    pub pipelining: bool,
    /// Non-ASCII bodies (RFC 6152).
    pub eight_bit: bool,
    /// UTF-8 headers and addresses (RFC 6531).
    pub utf8: bool,
    /// Announced message sizes (RFC 1870).
    pub size: bool,
    /// The maximum message size in bytes, if there is one.
    pub max_size: Option<usize>,
    /// TLS on this connection (RFC 3207).
    pub starttls: bool,
    /// AUTH PLAIN (RFC 4616).
    pub plain: bool,
    /// AUTH LOGIN (never standardized).
    pub login: bool,
    /// AUTH XOAUTH2 (not standardized).
    pub xoauth2: bool,
}

impl Extensions {
    /// Whether the relay offers a login mechanism.
    pub fn offers(self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::Plain => self.plain,
            Mechanism::Login => self.login,
            Mechanism::Xoauth2 => self.xoauth2,
        }
    }

    pub fn from_reply(reply: &Reply) -> Self {
        let mut found = Self::default();
        // The first line is the relay's name.
        for line in reply.lines.iter().skip(1) {
            // `AUTH=PLAIN` is the form before RFC 2554.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "PIPELINING" => found.pipelining = true,
                "8BITMIME" => found.eight_bit = true,
                "SMTPUTF8" => found.utf8 = true,
                "STARTTLS" => found.starttls = true,
                "SIZE" => {
                    found.size = true;
                    // 0 means no limit.
                    found.max_size =
                        words.next().and_then(|word| word.parse().ok()).filter(|&limit| limit > 0);
                }
                "AUTH" => {
                    for mechanism in words {
                        found.plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                        found.login |= mechanism.eq_ignore_ascii_case("LOGIN");
                        found.xoauth2 |= mechanism.eq_ignore_ascii_case("XOAUTH2");
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(lines: &[&str]) -> Extensions {
        Extensions::from_reply(&Reply {
            code: 250,
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        })
    }

    #[test]
    fn keywords_are_case_insensitive_and_unordered() {
        let all = parsed(&[
            "relay.example greets PIPELINING",
            "Size 1000",
            "auth=login",
            "AUTH DIGEST-MD5 plain XOAuth2",
            "pipelining",
            "8bitmime",
            "SMTPUTF8",
            "StartTLS",
            "XCLIENT NAME",
        ]);
        let expected = Extensions {
            pipelining: true,
            eight_bit: true,
            utf8: true,
            size: true,
            max_size: Some(1000),
            starttls: true,
            plain: true,
            login: true,
            xoauth2: true,
        };
        assert_eq!(all, expected);
    }

    #[test]
    fn the_name_is_no_keyword_and_a_missing_size_is_no_limit() {
        assert_eq!(parsed(&["PIPELINING"]), Extensions::default());
        for line in ["SIZE", "SIZE 0", "SIZE many"] {
            assert_eq!(parsed(&["x", line]), Extensions { size: true, ..Extensions::default() }, "{line}");
        }
        assert_eq!(parsed(&["x", "PIPELININGS", ""]), Extensions::default());
    }
}
