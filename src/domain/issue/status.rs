//! The status of an issue.

use crate::domain::string_enum::string_enum;

string_enum! {
    IssueStatus {
        /// Stories are selected and may still change.
        Planned = "planned",
        /// Rendered; the content no longer changes.
        Frozen = "frozen",
        Sending = "sending",
        /// Paused by an operator.
        Paused = "paused",
        /// Held by Daily until an operator decides.
        Held = "held",
        /// All deliveries are finished.
        Sent = "sent",
        /// Not sent on that date; the reason is stored.
        Skipped = "skipped",
        /// Cancelled by an operator.
        Cancelled = "cancelled",
    }
}

impl IssueStatus {
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Skipped | Self::Cancelled)
    }
}
