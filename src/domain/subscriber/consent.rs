//! The consent ledger's events, and reasons for unsubscribing.

use crate::domain::string_enum::string_enum;

string_enum! {
    /// An event in the append-only consent ledger.
    ConsentEvent {
        /// The address was entered in a signup form.
        Requested = "requested",
        /// The reader followed the link in the confirmation email and pressed the button.
        Confirmed = "confirmed",
        /// The reader unsubscribed.
        Unsubscribed = "unsubscribed",
        /// The reader reported an email as spam.
        Complained = "complained",
    }
}

string_enum! {
    /// Why a reader unsubscribed. The question comes afterwards and is optional.
    UnsubscribeReason {
        /// Too many emails.
        TooMany = "too_many",
        /// Not the expected topics.
        NotInterested = "not_interested",
        /// The reader visits the site or reads the articles elsewhere.
        Elsewhere = "elsewhere",
        /// The emails were hard to read.
        HardToRead = "hard_to_read",
        /// Someone else signed up the address: operators should investigate.
        NeverAsked = "never_asked",
        Other = "other",
    }
}

impl UnsubscribeReason {
    /// Returns the English text of the reason.
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooMany => "Too many mails",
            Self::NotInterested => "Not what I am interested in",
            Self::Elsewhere => "I read it elsewhere",
            Self::HardToRead => "It was hard to read in my mail program",
            Self::NeverAsked => "I never signed up",
            Self::Other => "Another reason",
        }
    }
}

/// Maximum length of a remark, in characters.
pub const MAX_REMARK_CHARS: usize = 500;

/// Truncates a remark and removes control characters except line breaks. `None` if nothing is left.
pub fn clean_remark(text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let cleaned: String =
        text.trim().chars().filter(|c| *c == '\n' || !c.is_control()).take(MAX_REMARK_CHARS).collect();
    let cleaned = cleaned.trim();
    (!cleaned.is_empty()).then(|| cleaned.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_truncated_and_stripped_of_control_characters() {
        assert_eq!(clean_remark(" too\r\nlong\u{0}\u{1b}[31m "), Some("too\nlong[31m".into()));
        assert_eq!(
            clean_remark("ü".repeat(600).as_str()).map(|it| it.chars().count()),
            Some(MAX_REMARK_CHARS)
        );
        assert_eq!(clean_remark(" \r\n\u{0}"), None);
    }
}
