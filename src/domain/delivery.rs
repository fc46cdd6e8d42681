//! A delivery: one reader's copy of an issue.

use super::words::words;

words! {
    /// Where a delivery stands. Every row is in exactly one of these.
    DeliveryStatus {
        /// Waits for its moment.
        Queued = "queued",
        /// A worker holds it under a lease; nothing was handed to a relay.
        Claimed = "claimed",
        /// Begun: from here on a crash leaves it in doubt.
        Sending = "sending",
        /// A relay took it.
        Sent = "sent",
        /// A relay asked to come back later.
        Deferred = "deferred",
        /// Given up.
        Failed = "failed",
        /// In flight when its worker died: it may or may not have been taken.
        Uncertain = "uncertain",
        /// The reader left before it was sent.
        Skipped = "skipped",
    }
}

/// What a relay said, kept with the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The relay's name without credentials, such as `smtp://mail.example.org:587`.
    pub relay: String,
    /// The SMTP reply code, if there was a reply.
    pub code: Option<u16>,
    /// The reply's text, or what went wrong, bounded.
    pub text: String,
}

impl Answer {
    /// Longest text kept, in characters.
    pub const MAX_TEXT_CHARS: usize = 500;

    /// Keeps what a relay said, bounded and without control characters.
    pub fn new(relay: impl Into<String>, code: Option<u16>, text: &str) -> Self {
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(Self::MAX_TEXT_CHARS);
        Self { relay: relay.into(), code, text: text.collect() }
    }

    /// Code and text in one line.
    pub fn line(&self) -> String {
        match self.code {
            Some(code) => format!("{code} {}", self.text),
            None => self.text.clone(),
        }
    }
}
