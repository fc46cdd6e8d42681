//! Enhanced SMTP status codes (RFC 3463).

use std::{fmt, str::FromStr};

/// An enhanced status code such as `5.1.1`.
///
/// The class is success (2), temporary failure (4) or permanent failure (5). The subject is the area (1
/// address, 2 mailbox, 4 network, 7 policy …), and the detail is the case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    class: u8,
    subject: u16,
    detail: u16,
}

/// A text that is not an enhanced status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code such as 5.1.1")]
pub struct NotAnEnhancedCode;

impl EnhancedCode {
    /// 2, 4 or 5.
    pub const fn class(self) -> u8 {
        self.class
    }

    pub const fn subject(self) -> u16 {
        self.subject
    }

    pub const fn detail(self) -> u16 {
        self.detail
    }

    /// Returns the code at the start of a reply's text (RFC 2034), if its class matches the reply code. A `#`
    /// or brackets around the code, which some servers add, are ignored.
    pub fn from_reply(code: u16, text: &str) -> Option<Self> {
        let word = text.split_whitespace().next()?;
        let word =
            word.trim_start_matches(['#', '(', '[', '<']).trim_end_matches([':', ',', ';', ')', ']', '>']);
        let found: Self = word.parse().ok()?;
        (u16::from(found.class) == code / 100).then_some(found)
    }
}

impl FromStr for EnhancedCode {
    type Err = NotAnEnhancedCode;

    fn from_str(text: &str) -> Result<Self, NotAnEnhancedCode> {
        let mut parts = text.split('.');
        let (Some(class), Some(subject), Some(detail), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAnEnhancedCode);
        };
        let class = match class {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return Err(NotAnEnhancedCode),
        };
        Ok(Self { class, subject: number(subject)?, detail: number(detail)? })
    }
}

/// Parses one to three digits without leading zeros (RFC 3463 section 2).
fn number(digits: &str) -> Result<u16, NotAnEnhancedCode> {
    let plain = (1..=3).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().map_err(|_| NotAnEnhancedCode) } else { Err(NotAnEnhancedCode) }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Debug for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_read_and_shown() {
        for text in ["2.0.0", "4.7.1", "5.1.10", "5.999.0"] {
            assert_eq!(text.parse::<EnhancedCode>().unwrap().to_string(), text);
        }
        for text in
            ["", "5", "5.1", "5.1.1.1", "3.1.1", "55.1.1", "5.01.1", "5.1.1000", "5.1.", "5.1.+1", "５.1.1"]
        {
            assert_eq!(text.parse::<EnhancedCode>(), Err(NotAnEnhancedCode), "{text}");
        }
    }

    #[test]
    fn a_reply_begins_with_its_code_and_both_agree() {
        let found = |code, text| EnhancedCode::from_reply(code, text).map(|it| it.to_string());
        assert_eq!(found(550, "5.1.1 no such user").as_deref(), Some("5.1.1"));
        assert_eq!(found(550, "#5.1.0 Address rejected").as_deref(), Some("5.1.0"));
        assert_eq!(found(451, "[4.7.1]: later").as_deref(), Some("4.7.1"));
        assert_eq!(found(550, "4.1.1 two minds"), None);
        assert_eq!(found(250, "ok 2.0.0"), None);
        assert_eq!(found(250, ""), None);
        assert_eq!(found(550, "5.6.7.8 is listed"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_shown_the_same(text in "[0-9.]{0,12}") {
            if let Ok(code) = text.parse::<EnhancedCode>() {
                prop_assert_eq!(code.to_string(), text);
            }
        }
    }
}
