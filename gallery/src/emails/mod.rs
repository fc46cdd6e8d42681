//! Every email, in every state that its layout depends on.

pub mod content;
mod digests;
mod messages;
pub mod scripts;

use crate::Case;

/// Returns the cases of all emails.
pub fn cases() -> Vec<Case> {
    let mut cases = digests::cases();
    cases.extend(messages::cases());
    cases
}
