//! An issue: one dated digest of a newsletter.

use crate::domain::string_enum::words;

words! {
    /// Where an issue stands. There is one per newsletter and date.
    IssueStatus {
        /// Its date has come near: stories are chosen and may still change.
        Planned = "planned",
        /// Rendered: what readers get no longer changes.
        Frozen = "frozen",
        /// Going out.
        Sending = "sending",
        /// Stopped by an operator.
        Paused = "paused",
        /// Stopped by Daily itself, waiting for an operator.
        Held = "held",
        /// No delivery is left to do.
        Sent = "sent",
        /// Nothing went out on that date; the reason is kept.
        Skipped = "skipped",
        /// Given up by an operator.
        Cancelled = "cancelled",
    }
}

impl IssueStatus {
    /// Nothing more will happen to the issue by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Skipped | Self::Cancelled)
    }
}
