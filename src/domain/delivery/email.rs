//! Single emails: all email except copies of an issue.

use crate::domain::string_enum::string_enum;

string_enum! {
    EmailKind {
        /// Asks a reader to confirm a signup.
        Confirmation = "confirmation",
        /// Reminds a reader to confirm a signup.
        ConfirmationReminder = "confirmation_reminder",
        /// Tells a reader that they are already subscribed.
        AlreadySubscribed = "already_subscribed",
        /// Welcomes a reader who has just confirmed, with the latest issue.
        Welcome = "welcome",
        /// Confirms to a reader that they have unsubscribed.
        Goodbye = "goodbye",
        /// Links a reader to their data export.
        DataExport = "data_export",
        /// Asks at the old address to confirm a change of address.
        OldAddress = "old_address",
        /// Asks at the new address to confirm a change of address.
        NewAddress = "new_address",
        /// A test copy of an issue for an operator.
        Test = "test",
        /// Asks operators to approve an issue.
        ApprovalWanted = "approval_wanted",
        /// Asks operators about an issue with too few stories.
        TooFewStories = "too_few_stories",
        /// Tells operators what must be set up before an issue goes out.
        SetupWanted = "setup_wanted",
        /// Tells operators why an issue was held or skipped.
        IssueStopped = "issue_stopped",
        /// Tells operators which stories were left out or kept as stored when their issue was frozen.
        StoriesDoubtful = "stories_doubtful",
        /// Tells operators that a feed fails or has gone silent.
        FeedTrouble = "feed_trouble",
        /// Tells operators that the clock was wrong.
        ClockWasWrong = "clock_was_wrong",
        /// Tells operators that signups look like an attack.
        SignupAlarm = "signup_alarm",
        /// Tells operators that the signup attack has ended.
        SignupCalm = "signup_calm",
        /// Tells operators that destinations refuse or defer our emails.
        DestinationHeld = "destination_held",
    }
}

impl EmailKind {
    /// Whether the email is addressed to operators.
    pub const fn is_notice(self) -> bool {
        matches!(
            self,
            Self::ApprovalWanted
                | Self::TooFewStories
                | Self::SetupWanted
                | Self::IssueStopped
                | Self::StoriesDoubtful
                | Self::FeedTrouble
                | Self::ClockWasWrong
                | Self::SignupAlarm
                | Self::SignupCalm
                | Self::DestinationHeld
        )
    }

    /// The value for `Auto-Submitted`. A test has none, because it must look like a reader's copy.
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
            | Self::SetupWanted
            | Self::IssueStopped
            | Self::StoriesDoubtful
            | Self::FeedTrouble
            | Self::ClockWasWrong
            | Self::SignupAlarm
            | Self::SignupCalm
            | Self::DestinationHeld => Some(AutoSubmitted::Generated),
        }
    }
}

string_enum! {
    /// The `Auto-Submitted` header (RFC 3834 section 5), which keeps autoresponders from answering.
    AutoSubmitted {
        /// The email answers something that a person did.
        Replied = "auto-replied",
        /// Nobody asked for the email.
        Generated = "auto-generated",
    }
}

string_enum! {
    EmailStatus {
        /// Waiting to be sent, for the first time or again.
        Queued = "queued",
        /// Handed to a relay. After a crash the result is unknown, and the email is sent again with the same
        /// Message-ID.
        Sending = "sending",
        /// Accepted by a relay.
        Sent = "sent",
        /// Failed permanently, or no longer needed.
        Failed = "failed",
        /// Open in a backup that was restored, so it may have been sent since.
        Uncertain = "uncertain",
    }
}
