//! What a reader asks for on their own page that takes a link by mail.

use super::{rate_limit::Limit, words::words};
use jiff::SignedDuration;

words! {
    /// What is asked for.
    RequestKind {
        /// A copy of everything that is held about them.
        Copy = "copy",
        /// To be mailed at another address.
        Address = "address",
    }
}

impl RequestKind {
    /// How long its links work.
    pub const fn lifetime(self) -> SignedDuration {
        match self {
            Self::Copy => SignedDuration::from_hours(24),
            // Two mailboxes are to be looked into.
            Self::Address => SignedDuration::from_hours(72),
        }
    }
}

/// How often one reader may ask for the same.
pub const LIMIT: Limit = Limit { max: 3, window: SignedDuration::from_hours(24) };

/// How often whoever is not subscribed may ask for a copy. Anybody may hold an old mail with the link, and they can't leave again to
/// make an end of it.
pub const LIMIT_OF_LEFT: Limit = Limit { max: 1, window: SignedDuration::from_hours(7 * 24) };

/// How often one reader may take other newsletters. Each time sends a mail and makes the ledger longer, which nothing shortens.
pub const JOINING_LIMIT: Limit = Limit { max: 20, window: SignedDuration::from_hours(24) };

/// How long a request is kept after its links have expired.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);
