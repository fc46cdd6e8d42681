//! Consent: what happened between a reader and a newsletter, in the order it happened.

use super::words::words;

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

/// What the signup form promises, kept with each request so that it can be shown later what was agreed to.
/// Change the text, raise the version.
pub const SIGNUP_WORDING: &str = "One mail with the latest articles on each day an issue is sent. We send a link to confirm \
     first; nothing else arrives until you follow it. Every mail has a link to leave.";

/// The version of [`SIGNUP_WORDING`].
pub const SIGNUP_WORDING_VERSION: i64 = 1;
