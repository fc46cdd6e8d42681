//! What is handed to a relay, and what becomes of it.

use crate::domain::{delivery::Answer, email_address::EmailAddress};

/// A message ready to go.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The envelope's sender: where bounces go.
    pub sender: &'a EmailAddress,
    /// The envelope's recipient.
    pub recipient: &'a EmailAddress,
    /// The message, lines ended by CRLF, none longer than 998 bytes (RFC 5322 section 2.1.1).
    pub message: &'a [u8],
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx: the relay took it.
    Sent(Answer),
    /// 4xx: come back later.
    Deferred(Answer),
    /// 5xx: refused for good. Or this message can't be sent as it is, and nothing of it was.
    Failed(Answer),
    /// No relay could be reached, or it broke off before it could have the whole message: nothing is known about the
    /// recipient, and nothing was sent.
    RelayTrouble(Answer),
    /// The connection broke when the relay may have had the end of the message, and before its answer: it may have been
    /// taken.
    InDoubt(Answer),
}

impl Outcome {
    /// What was said.
    pub const fn answer(&self) -> &Answer {
        match self {
            Self::Sent(answer)
            | Self::Deferred(answer)
            | Self::Failed(answer)
            | Self::RelayTrouble(answer)
            | Self::InDoubt(answer) => answer,
        }
    }
}
