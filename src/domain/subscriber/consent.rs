//! Consent: what happened between a reader and a newsletter, in the order it happened.

use crate::domain::string_enum::words;

words! {
    /// An entry of the append-only consent ledger.
    ConsentEvent {
        /// Somebody entered the address in a signup form.
        Requested = "requested",
        /// The link in the confirmation mail was followed and the button pressed.
        Confirmed = "confirmed",
        /// The reader left.
        Unsubscribed = "unsubscribed",
    }
}

words! {
    /// Why a reader left. It is asked after leaving, and need not be answered.
    LeavingReason {
        /// The mails were too many.
        TooMany = "too_many",
        /// The mails were about other things than hoped for.
        NotInterested = "not_interested",
        /// The reader goes to the site, or reads it in another way.
        Elsewhere = "elsewhere",
        /// The mails were hard to read.
        HardToRead = "hard_to_read",
        /// Somebody else had signed the address up: what operators should look into.
        NeverAsked = "never_asked",
        /// Another reason.
        Other = "other",
    }
}

impl LeavingReason {
    /// The reason as readers are asked about it.
    pub const fn in_words(self) -> &'static str {
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

/// Longest remark of a reader who leaves, in characters.
pub const MAX_REMARK_CHARS: usize = 500;

/// A remark as it is kept: of one that is too long its beginning; no control characters but line breaks; `None` if nothing is left.
pub fn remark(text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let kept: String =
        text.trim().chars().filter(|c| *c == '\n' || !c.is_control()).take(MAX_REMARK_CHARS).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_kept_within_bounds_and_without_control_characters() {
        assert_eq!(remark(" too\r\nlong\u{0}\u{1b}[31m "), Some("too\nlong[31m".into()));
        assert_eq!(remark("ü".repeat(600).as_str()).map(|it| it.chars().count()), Some(MAX_REMARK_CHARS));
        assert_eq!(remark(" \r\n\u{0}"), None);
    }
}
