//! Lists of readers that other systems wrote: what a row says, and what follows from it here.

mod columns;
mod reading;
pub mod vocabulary;

pub use columns::{Field, Layout, LayoutError, LayoutOptions, parse_mapping};
pub use reading::{DateFormat, Dates};

use crate::domain::{
    string_enum::string_enum,
    subscriber::{
        email_address::{EmailAddress, EmailAddressError},
        preferences::Preferences,
        subscription::SubscriptionStatus,
    },
};
use jiff::{Timestamp, civil::Date};

string_enum! {
    /// Who wrote a list.
    Source {
        /// `daily subscriber export`.
        Daily = "daily",
        Listmonk = "listmonk",
        Mailchimp = "mailchimp",
        Substack = "substack",
        Ghost = "ghost",
        Buttondown = "buttondown",
        /// Anything else with names of columns in its first line.
        Csv = "csv",
    }
}

string_enum! {
    /// How a reader stands with the other system.
    Standing {
        /// Signed up, and did not confirm.
        Unconfirmed = "unconfirmed",
        /// Gets its mail.
        Confirmed = "confirmed",
        /// Confirmed, and resting.
        Paused = "paused",
        Unsubscribed = "unsubscribed",
        /// The address took no mail.
        Undeliverable = "undeliverable",
        /// Must not be mailed, as its operator decided.
        Blocked = "blocked",
        /// Reported its mail as unwanted.
        Complained = "complained",
    }
}

impl Standing {
    /// Whether it ends a subscription, or keeps one from coming to be.
    pub const fn is_end(self) -> bool {
        self.strictness() > Self::Confirmed.strictness()
    }

    /// Of several rows about the same address, one that is stricter than those before it holds, too.
    pub const fn strictness(self) -> u8 {
        match self {
            Self::Unconfirmed => 0,
            Self::Confirmed | Self::Paused => 1,
            Self::Unsubscribed => 2,
            Self::Undeliverable | Self::Blocked | Self::Complained => 3,
        }
    }
}

/// What a row of a list says.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The reader's address.
    pub address: EmailAddress,
    /// How they stand with the other system.
    pub standing: Standing,
    /// When they signed up there.
    pub requested_at: Option<Timestamp>,
    /// From which IP address.
    pub requested_from: Option<String>,
    /// When they confirmed there.
    pub confirmed_at: Option<Timestamp>,
    /// From which IP address.
    pub confirmed_from: Option<String>,
    /// When it ended there.
    pub ended_at: Option<Timestamp>,
    /// What they chose, as far as the list says.
    pub choices: Preferences,
    /// The day until which they rest, if they do and the list says so.
    pub paused_until: Option<Date>,
    /// The language they are written to in, by its tag, if it is known.
    pub language: Option<String>,
    /// What could not be read, and is no reason to refuse the row.
    pub unread: Option<Refusal>,
}

/// Why a row can't be taken. The message is for the operator who has the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The address is none.
    #[error("`{address}`: {why}")]
    Address {
        /// As it stands in the file, its beginning.
        address: String,
        /// What is wrong with it.
        why: EmailAddressError,
    },
    /// A status nobody has told us of.
    #[error(
        "the status `{0}` is unknown; daily knows confirmed, paused, unconfirmed, unsubscribed, undeliverable, blocked, complained"
    )]
    Status(String),
    /// A moment that can't be read.
    #[error("{field}: `{text}` is not a date daily can read; say how dates are written with --date-format")]
    Date {
        /// Of which field.
        field: &'static str,
        /// As it stands in the file, its beginning.
        text: String,
    },
    /// A moment that has not come.
    #[error("{field}: `{text}` lies in the future")]
    Future {
        /// Of which field.
        field: &'static str,
        /// As it stands in the file, its beginning.
        text: String,
    },
    /// A choice that can't be taken.
    #[error("{field}: {problem}")]
    Choice {
        /// Of which field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Bytes that are no text.
    #[error("the row is not UTF-8 text; name the encoding of the file with --encoding, such as windows-1252")]
    NotText,
    /// The address lies beyond the row's end.
    #[error("the row ends before the column of addresses")]
    TooShort,
}

impl Refusal {
    /// What refused rows are counted by.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address",
            Self::Status(_) => "status",
            Self::Date { .. } | Self::Future { .. } => "date",
            Self::Choice { .. } => "choice",
            Self::NotText => "encoding",
            Self::TooShort => "short row",
        }
    }
}

/// What is known here of an address before a row about it is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Where its subscription stands; `None`: it has none.
    pub status: Option<SubscriptionStatus>,
    /// When it was asked for here.
    pub requested_here_at: Option<Timestamp>,
    /// When the reader confirmed here, and not by an import.
    pub confirmed_here_at: Option<Timestamp>,
    /// The reader left, here or elsewhere, and has not confirmed here since.
    pub has_left: bool,
    /// Nobody may mail it.
    pub suppressed: bool,
    /// The reader asked to be forgotten, or is mailed at another address now.
    pub forgotten: bool,
}

string_enum! {
    /// What becomes of a row.
    Outcome {
        /// The reader becomes active (or paused, as they were).
        Added = "added",
        /// They, or what the row says of them, are known already.
        Known = "known",
        /// They left elsewhere, and are kept as one who left.
        Left = "left",
        /// They are active here, and end: they left elsewhere.
        Ended = "ended",
        /// Nobody may mail the address from now on.
        Suppressed = "suppressed",
        /// Left out: not confirmed, as far as the list shows.
        Unconfirmed = "unconfirmed",
        /// Left out: they left here, and only they can come back.
        LeftHere = "left_here",
        /// Left out: nobody may mail the address.
        SuppressedHere = "suppressed_here",
        /// Left out: the reader asked to be forgotten, or is mailed at another address now.
        Forgotten = "forgotten",
        /// Left out: a row before it is about the same address.
        Duplicate = "duplicate",
    }
}

impl Outcome {
    /// Whether the row was left out although it says that the reader wants mail, and why.
    pub const fn left_out(self) -> Option<&'static str> {
        match self {
            Self::Unconfirmed => Some("the list does not show that they confirmed"),
            Self::LeftHere => Some("the reader has left here; only they can come back"),
            Self::SuppressedHere => Some("the address is suppressed here"),
            Self::Forgotten => Some("the reader asked to be forgotten, or is mailed at another address now"),
            Self::Duplicate => Some("a row before it has the same address"),
            Self::Added | Self::Known | Self::Left | Self::Ended | Self::Suppressed => None,
        }
    }
}

/// Decides what becomes of a row, from what it says and what is known here. Nobody who left becomes active by
/// it.
pub fn decide(row: &Row, known: &Known) -> Outcome {
    use SubscriptionStatus as S;
    // Who signed up again by themselves is a reader like others.
    if known.forgotten && !matches!(known.status, Some(S::Active | S::Paused)) {
        return Outcome::Forgotten;
    }
    let active = matches!(known.status, Some(S::Active | S::Paused));
    // Who confirmed here after it ended elsewhere has come back, and who asked here after that is about to.
    // Where it is not known when it ended, it holds.
    let came = if active { known.confirmed_here_at } else { known.requested_here_at };
    let came_back = match (came, row.ended_at) {
        (Some(came), Some(ended)) => came > ended,
        _ => false,
    };
    match row.standing {
        Standing::Unconfirmed if active => Outcome::Known,
        Standing::Unconfirmed => Outcome::Unconfirmed,
        Standing::Confirmed | Standing::Paused => match known.status {
            _ if known.suppressed => Outcome::SuppressedHere,
            Some(S::Active | S::Paused) => Outcome::Known,
            Some(S::Unsubscribed) => Outcome::LeftHere,
            // Their address was typed into the form since: that is not their word.
            None | Some(S::Pending) if known.has_left => Outcome::LeftHere,
            None | Some(S::Pending) => Outcome::Added,
            Some(S::Undeliverable | S::Complained) => Outcome::SuppressedHere,
        },
        Standing::Unsubscribed => match known.status {
            None if known.suppressed || known.has_left => Outcome::Known,
            None => Outcome::Left,
            Some(S::Pending) if !came_back => Outcome::Left,
            Some(S::Active | S::Paused) if !came_back => Outcome::Ended,
            Some(_) => Outcome::Known,
        },
        Standing::Undeliverable | Standing::Blocked | Standing::Complained => {
            if known.suppressed || (active && came_back) { Outcome::Known } else { Outcome::Suppressed }
        }
    }
}

/// Whether no list may bring the reader in from now on, until they confirm here: they left elsewhere, and are
/// not active here.
pub fn keeps_out(row: &Row, known: &Known, outcome: Outcome) -> bool {
    use SubscriptionStatus as S;
    let stays = matches!(known.status, Some(S::Active | S::Paused));
    row.standing == Standing::Unsubscribed
        && match outcome {
            Outcome::Left | Outcome::Ended => true,
            Outcome::Known => !stays,
            _ => false,
        }
}

#[cfg(test)]
mod tests;
