//! Single mails: everything that is not a reader's copy of an issue.

use crate::domain::string_enum::words;

words! {
    /// What a single mail is for.
    EmailKind {
        /// Asks a reader to confirm a signup.
        Confirmation = "confirmation",
        /// Asks once more, a while later.
        ConfirmationReminder = "confirmation_reminder",
        /// Tells a reader who signs up again that they are in.
        AlreadySubscribed = "already_subscribed",
        /// Greets a reader who has just confirmed, with the latest issue.
        Welcome = "welcome",
        /// Tells a reader who left that nothing more will come.
        Goodbye = "goodbye",
        /// Leads a reader to all that is held about them.
        DataExport = "data_export",
        /// Asks at a reader's address whether they want to be mailed at another one.
        OldAddress = "old_address",
        /// Asks at that other address.
        NewAddress = "new_address",
        /// An operator's look at an issue.
        Test = "test",
        /// Asks operators to approve an issue.
        ApprovalWanted = "approval_wanted",
        /// Tells operators that an issue has too few stories, and asks what to do.
        TooFewStories = "too_few_stories",
        /// Tells operators that an issue was held or skipped, and why.
        IssueStopped = "issue_stopped",
        /// Tells operators that a feed fails or has fallen silent.
        FeedTrouble = "feed_trouble",
        /// Tells operators that signups look like an attack.
        SignupAlarm = "signup_alarm",
        /// Tells operators that this is over.
        SignupCalm = "signup_calm",
    }
}

impl EmailKind {
    /// Whether it goes to operators.
    pub const fn is_notice(self) -> bool {
        matches!(
            self,
            Self::ApprovalWanted
                | Self::TooFewStories
                | Self::IssueStopped
                | Self::FeedTrouble
                | Self::SignupAlarm
                | Self::SignupCalm
        )
    }

    /// How it came about. A test is as a reader's copy would be: nothing is said about it.
    pub const fn auto_submitted(self) -> Option<AutoSubmitted> {
        match self {
            Self::Test => None,
            Self::Confirmation
            | Self::ConfirmationReminder
            | Self::AlreadySubscribed
            | Self::Welcome
            | Self::Goodbye
            | Self::DataExport
            | Self::OldAddress
            | Self::NewAddress => Some(AutoSubmitted::Replied),
            Self::ApprovalWanted
            | Self::TooFewStories
            | Self::IssueStopped
            | Self::FeedTrouble
            | Self::SignupAlarm
            | Self::SignupCalm => Some(AutoSubmitted::Generated),
        }
    }
}

words! {
    /// How a mail that no person wrote came about, as its `Auto-Submitted` header says it (RFC 3834 section 5): mail programs
    /// do not answer it by themselves.
    AutoSubmitted {
        /// It answers something a person did.
        Replied = "auto-replied",
        /// Nobody asked for it.
        Generated = "auto-generated",
    }
}

words! {
    /// Where a single mail stands.
    EmailStatus {
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
