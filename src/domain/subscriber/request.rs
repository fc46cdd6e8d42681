//! What a reader asks for on their own page that takes a link by mail.

use crate::domain::{rate_limit::Limit, string_enum::words};
use jiff::SignedDuration;

words! {
    /// What is asked for.
    RequestKind {
        /// All that is held about them.
        DataExport = "data_export",
        /// To be mailed at another address.
        Address = "address",
    }
}

impl RequestKind {
    /// How long its links work.
    pub const fn lifetime(self) -> SignedDuration {
        match self {
            Self::DataExport => SignedDuration::from_hours(24),
            // Two mailboxes are to be looked into.
            Self::Address => SignedDuration::from_hours(72),
        }
    }
}

/// How often one reader may ask for the same.
pub const LIMIT: Limit = Limit { max: 3, window: SignedDuration::from_hours(24) };

/// How often a reader who is not subscribed may ask for a data export. Anybody may hold an old email with the link to ask, and the
/// reader can't unsubscribe once more to stop it.
pub const LIMIT_UNSUBSCRIBED: Limit = Limit { max: 1, window: SignedDuration::from_hours(7 * 24) };

/// How often one reader may take other newsletters. Each time sends a mail and makes the ledger longer, which nothing shortens.
pub const JOINING_LIMIT: Limit = Limit { max: 20, window: SignedDuration::from_hours(24) };

/// How long a request is kept after its links have expired.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);
