//! Imports lists of readers from other systems: parses rows and decides what to do with them.

mod columns;
mod reading;
pub mod spreadsheet;
pub mod uploaded;
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
    /// The system that wrote a list.
    Source {
        /// `daily subscriber export`.
        Daily = "daily",
        Listmonk = "listmonk",
        Mailchimp = "mailchimp",
        Substack = "substack",
        Ghost = "ghost",
        Buttondown = "buttondown",
        /// Any other CSV file with column names in its first line.
        Csv = "csv",
    }
}

string_enum! {
    /// A reader's status in the other system.
    Standing {
        /// Signed up but didn't confirm.
        Unconfirmed = "unconfirmed",
        Confirmed = "confirmed",
        /// Confirmed, then paused.
        Paused = "paused",
        Unsubscribed = "unsubscribed",
        /// The address rejected email.
        Undeliverable = "undeliverable",
        /// Must not receive email, by decision of the operator.
        Blocked = "blocked",
        /// Reported an email as spam.
        Complained = "complained",
    }
}

impl Standing {
    /// Returns whether this status ends or prevents a subscription.
    pub const fn is_end(self) -> bool {
        self.strictness() > Self::Confirmed.strictness()
    }

    /// Returns the rank of this status. A later row about the same address counts only if its status is
    /// stricter.
    pub const fn strictness(self) -> u8 {
        match self {
            Self::Unconfirmed => 0,
            Self::Confirmed | Self::Paused => 1,
            Self::Unsubscribed => 2,
            Self::Undeliverable | Self::Blocked | Self::Complained => 3,
        }
    }
}

/// A parsed row of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub address: EmailAddress,
    /// Whether the address contained invisible characters or full-width signs.
    pub is_tidied: bool,
    /// Status in the other system.
    pub standing: Standing,
    /// Time of signup in the other system.
    pub requested_at: Option<Timestamp>,
    /// IP address of the signup.
    pub requested_from: Option<String>,
    /// Time of confirmation in the other system.
    pub confirmed_at: Option<Timestamp>,
    /// IP address of the confirmation.
    pub confirmed_from: Option<String>,
    /// Time when the subscription ended in the other system.
    pub ended_at: Option<Timestamp>,
    /// The reader's preferences, as far as the list contains them.
    pub choices: Preferences,
    /// Date until which the subscription is paused, if known.
    pub paused_until: Option<Date>,
    /// Language tag of emails to the reader, if known.
    pub language: Option<String>,
    /// A problem with a cell that doesn't prevent the import of the row.
    pub unread: Option<Refusal>,
}

/// The reason why a row can't be imported. The message is for the operator who has the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An invalid address.
    #[error("`{address}`: {why}")]
    Address {
        /// Beginning of the cell.
        address: String,
        /// The reason why it is invalid.
        why: EmailAddressError,
    },
    /// An unknown status.
    #[error(
        "the status `{0}` is unknown; daily knows confirmed, paused, unconfirmed, unsubscribed, undeliverable, blocked, complained"
    )]
    Status(String),
    /// An unreadable date.
    #[error("{field}: `{text}` is not a date Daily can read; name the format of the list's dates")]
    Date {
        /// Name of the field.
        field: &'static str,
        /// Beginning of the cell.
        text: String,
    },
    /// A date in the future.
    #[error("{field}: `{text}` lies in the future")]
    Future {
        /// Name of the field.
        field: &'static str,
        /// Beginning of the cell.
        text: String,
    },
    /// An invalid preference.
    #[error("{field}: {problem}")]
    Choice {
        /// Name of the field.
        field: &'static str,
        /// The reason why it is invalid.
        problem: String,
    },
    /// Bytes that are not text.
    #[error("the row is not UTF-8 text; name the encoding of the file, such as windows-1252")]
    NotText,
    /// The row ends before the address column.
    #[error("the row ends before the column of addresses")]
    TooShort,
}

impl Refusal {
    /// Returns the category under which rejected rows are counted.
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

/// Daily's own knowledge about an address before a row is imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Status of the subscription. `None`: there is none.
    pub status: Option<SubscriptionStatus>,
    /// Time of the signup in Daily.
    pub requested_here_at: Option<Timestamp>,
    /// Time of the confirmation in Daily, not by an import.
    pub confirmed_here_at: Option<Timestamp>,
    /// Whether the reader unsubscribed, in Daily or elsewhere, and hasn't confirmed in Daily since.
    pub has_left: bool,
    /// Whether the address must not receive email.
    pub suppressed: bool,
    /// Whether the reader requested erasure, or moved to another address.
    pub forgotten: bool,
}

string_enum! {
    /// The result of importing a row.
    Outcome {
        /// The reader becomes active, or paused as before.
        Added = "added",
        /// Nothing to do: the reader, or the row's information, is known already.
        Known = "known",
        /// Unsubscribed elsewhere. Recorded as unsubscribed.
        Left = "left",
        /// Active in Daily, but unsubscribed elsewhere. The subscription ends.
        Ended = "ended",
        /// The address is suppressed from now on.
        Suppressed = "suppressed",
        /// Skipped: the list doesn't show a confirmation.
        Unconfirmed = "unconfirmed",
        /// Skipped: unsubscribed in Daily. Only the reader can resubscribe.
        LeftHere = "left_here",
        /// Skipped: the address is suppressed.
        SuppressedHere = "suppressed_here",
        /// Skipped: the reader requested erasure, or moved to another address.
        Forgotten = "forgotten",
        /// Skipped: an earlier row has the same address.
        Duplicate = "duplicate",
    }
}

impl Outcome {
    /// Returns the reason why a row was skipped although its reader wants email. `None` for other outcomes.
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

/// Decides what to do with a row. A reader who unsubscribed never becomes active through an import.
pub fn decide(row: &Row, known: &Known) -> Outcome {
    use SubscriptionStatus as S;
    // An erased reader with an active subscription has signed up again, and counts like any other.
    if known.forgotten && !matches!(known.status, Some(S::Active | S::Paused)) {
        return Outcome::Forgotten;
    }
    let active = matches!(known.status, Some(S::Active | S::Paused));
    // A reader who confirmed in Daily after the end elsewhere has resubscribed, and one who signed up here
    // after it may still confirm. If the time of the end is unknown, it counts as later.
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
            // A later signup with this address proves nothing, because anyone can enter it in the form.
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

/// Returns whether no list may activate the reader until they confirm in Daily, because they unsubscribed
/// elsewhere and are not active in Daily.
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
