//! Single mails: everything that is not a reader's copy of an issue.

use super::words::words;

words! {
    /// What a single mail is for.
    MailKind {
        /// Asks a reader to confirm a signup.
        Confirmation = "confirmation",
        /// Tells a reader who signs up again that they are in.
        AlreadySubscribed = "already_subscribed",
        /// An operator's look at an issue.
        Test = "test",
    }
}

words! {
    /// Where a single mail stands.
    MailStatus {
        /// Waits to be sent, for the first time or again.
        Queued = "queued",
        /// Begun: a crash from here on leaves it in doubt, and it is sent again with the same Message-ID.
        Sending = "sending",
        /// A relay took it.
        Sent = "sent",
        /// Given up, or no longer wanted.
        Failed = "failed",
    }
}
