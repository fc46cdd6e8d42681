//! Requests on a reader's preferences page that need confirmation by email.

use crate::domain::{rate_limit::Limit, string_enum::string_enum};
use jiff::SignedDuration;

string_enum! {
    RequestKind {
        /// An export of all data about the reader.
        DataExport = "data_export",
        /// A change of address.
        Address = "address",
    }
}

impl RequestKind {
    /// Returns how long its links are valid.
    pub const fn lifetime(self) -> SignedDuration {
        match self {
            Self::DataExport => SignedDuration::from_hours(24),
            // The reader has to check two mailboxes.
            Self::Address => SignedDuration::from_hours(72),
        }
    }
}

/// Limit per reader and kind of request.
pub const LIMIT: Limit = Limit { max: 3, window: SignedDuration::from_hours(24) };

/// Limit on data exports for readers without a subscription. Anyone with an old email has the link to request
/// one, and the reader can no longer stop that by unsubscribing.
pub const LIMIT_UNSUBSCRIBED: Limit = Limit { max: 1, window: SignedDuration::from_hours(7 * 24) };

/// Limit on adding newsletters, per reader. Each time sends an email and appends to the ledger, which never
/// shrinks.
pub const JOIN_LIMIT: Limit = Limit { max: 20, window: SignedDuration::from_hours(24) };

/// How long a request is stored after its links have expired.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(24 * 30);
