//! Incoming email about emails that Daily sent: bounces, complaints, automatic answers.

use crate::domain::{
    delivery::{enhanced_code::EnhancedCode, status::Stage},
    string_enum::string_enum,
};

string_enum! {
    /// The kind of an incoming message.
    IncomingKind {
        /// The address is permanently bad: no such mailbox, no such domain, moved away.
        Hard = "hard",
        /// Any other failure or delay.
        Soft = "soft",
        /// The mailbox is full.
        MailboxFull = "mailbox_full",
        /// The message was taken for spam.
        Spam = "spam",
        /// A rule or a blocklist refused the message or its sender.
        Policy = "policy",
        /// SPF, DKIM, DMARC or a login failed.
        Authentication = "authentication",
        /// The sender is too fast.
        Rate = "rate",
        /// The message's size, form or attachments were refused.
        Content = "content",
        /// A reader's mailbox answered, such as a vacation notice.
        AutoReply = "auto_reply",
        /// A spam filter asks the sender to prove that it is a person.
        Challenge = "challenge",
        /// A reader reported the message as spam.
        Complaint = "complaint",
        /// A reader asks to unsubscribe.
        Unsubscribe = "unsubscribe",
        /// A notification that a message was delivered.
        Delivered = "delivered",
        /// None of these.
        Other = "other",
    }
}

impl IncomingKind {
    /// Whether the message says that an email was not delivered, or not yet.
    pub const fn is_bounce(self) -> bool {
        matches!(
            self,
            Self::Hard
                | Self::Soft
                | Self::MailboxFull
                | Self::Spam
                | Self::Policy
                | Self::Authentication
                | Self::Rate
                | Self::Content
        )
    }

    /// Whether the failure is the sending side's: it says nothing about the reader.
    pub const fn is_about_sender(self) -> bool {
        matches!(self, Self::Spam | Self::Policy | Self::Authentication | Self::Rate | Self::Content)
    }
}

string_enum! {
    /// How sure it is which email an incoming message is about.
    Certainty {
        /// The key of the email's envelope sender, which only Daily can make.
        Key = "key",
        /// The reader's unsubscribe token in the returned headers.
        Token = "token",
        /// The Message-ID in the returned headers, and the recipient agrees. A stranger could write both.
        MessageId = "message_id",
        /// The recipient's address only.
        Recipient = "recipient",
        None = "none",
    }
}

impl Certainty {
    /// Whether a stranger can't have made it up. Only such messages change anything.
    pub const fn is_proof(self) -> bool {
        matches!(self, Self::Key | Self::Token)
    }
}

/// A report's statement about one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: IncomingKind,
    pub recipient: Option<String>,
    pub reply: Option<u16>,
    pub status: Option<EnhancedCode>,
    /// The answer in the report, on one line and not too long.
    pub diagnostic: String,
    /// The server that answered.
    pub server: Option<String>,
}

/// Traces of the returned email in a report. They tell which email the report is about.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Traces {
    /// Addresses that may hold the key of an envelope sender. The recipients of the report come first.
    pub addresses: Vec<String>,
    /// Words of the returned headers that look like unsubscribe tokens.
    pub tokens: Vec<String>,
    /// The returned email's Message-ID, without brackets.
    pub message_id: Option<String>,
    /// The recipient in the returned headers.
    pub recipient: Option<String>,
}

/// An incoming message as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub kind: IncomingKind,
    /// The recipients of a bounce or complaint, in the report's order.
    pub failures: Vec<Failure>,
    /// The server that wrote the report.
    pub reporting_mta: Option<String>,
    /// Tokens of a request to unsubscribe.
    pub tokens: Vec<String>,
    pub traces: Traces,
    pub message_id: Option<String>,
    /// The address in `From`, in lower case.
    pub sender: String,
}

/// Returns the stage of an SMTP session that a command belongs to.
pub fn stage_of_command(word: &str) -> Option<Stage> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_uppercase();
    match word.as_str() {
        "CONN" | "CONNECT" => Some(Stage::Connect),
        "HELO" | "EHLO" | "LHLO" => Some(Stage::Hello),
        "STARTTLS" => Some(Stage::Tls),
        "AUTH" => Some(Stage::Auth),
        "MAIL" => Some(Stage::Mail),
        "RCPT" | "RCPT_TO" => Some(Stage::Rcpt),
        "DATA" => Some(Stage::Data),
        "BDAT" => Some(Stage::Message),
        _ => None,
    }
}
