//! A relay's extensions, from its answer to EHLO (RFC 5321 section 4.1.1.1).

use super::reply::Reply;
use lettre::transport::smtp::authentication::Mechanism;

/// The extensions that matter to us. Keywords are the same in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// Commands may be sent in groups (RFC 2920).
    pub pipelining: bool,
    /// Bodies may have bytes beyond ASCII (RFC 6152).
    pub eight_bit: bool,
    /// Headers and addresses may be UTF-8 (RFC 6531).
    pub utf8: bool,
    /// It wants to know a message's size (RFC 1870) …
    pub size: bool,
    /// … and takes none with more bytes.
    pub max_size: Option<usize>,
    /// TLS on this connection (RFC 3207).
    pub starttls: bool,
    /// AUTH PLAIN (RFC 4616).
    pub plain: bool,
    /// AUTH LOGIN, older than any standard.
    pub login: bool,
    /// AUTH XOAUTH2, which no standard has.
    pub xoauth2: bool,
}

impl Extensions {
    /// Whether the relay takes logins of this kind.
    pub fn offers(self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::Plain => self.plain,
            Mechanism::Login => self.login,
            Mechanism::Xoauth2 => self.xoauth2,
        }
    }

    pub fn of(reply: &Reply) -> Self {
        let mut found = Self::default();
        // The first line is the relay's name.
        for line in reply.lines.iter().skip(1) {
            // `AUTH=PLAIN` is how it was written before RFC 2554.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "PIPELINING" => found.pipelining = true,
                "8BITMIME" => found.eight_bit = true,
                "SMTPUTF8" => found.utf8 = true,
                "STARTTLS" => found.starttls = true,
                "SIZE" => {
                    found.size = true;
                    // 0 says that there is no limit.
                    found.max_size = words.next().and_then(|it| it.parse().ok()).filter(|&limit| limit > 0);
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

    fn of(lines: &[&str]) -> Extensions {
        Extensions::of(&Reply { code: 250, lines: lines.iter().map(|&line| line.to_owned()).collect() })
    }

    #[test]
    fn keywords_count_in_any_case_and_order() {
        let all = of(&[
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
    fn the_name_is_no_keyword_and_no_size_is_no_limit() {
        assert_eq!(of(&["PIPELINING"]), Extensions::default());
        for line in ["SIZE", "SIZE 0", "SIZE many"] {
            assert_eq!(of(&["x", line]), Extensions { size: true, ..Extensions::default() }, "{line}");
        }
        assert_eq!(of(&["x", "PIPELININGS", ""]), Extensions::default());
    }
}
