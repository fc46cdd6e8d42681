//! The outcome of handing a message to a relay: an [`Answer`] if the relay took it, else a [`SendError`].

use crate::domain::delivery::status::Answer;
use lettre::AsyncTransport;

/// Why a message isn't known to be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// 4xx: the relay asks to try again later.
    #[error("deferred: {}", .0.line())]
    Deferred(Answer),
    /// 5xx: refused for good. Or this message can't be sent as it is, and nothing of it was.
    #[error("refused: {}", .0.line())]
    Failed(Answer),
    /// No relay could be reached, or it broke off before it could have the whole message. Nothing is known about the
    /// recipient, and nothing was sent.
    #[error("the relay is in trouble: {}", .0.line())]
    RelayTrouble(Answer),
    /// The relay may have had the end of the message, but its answer is unknown: the message may have been taken.
    #[error("in doubt: {}", .0.line())]
    InDoubt(Answer),
}

/// The outcome of one message.
pub type SendResult = Result<Answer, SendError>;

/// Every relay: lettre's interface with our outcome.
pub(super) type RelayTransport = dyn AsyncTransport<Ok = Answer, Error = SendError> + Send + Sync;

/// Returns what the relay said, whatever the outcome.
pub const fn answer_of(result: &SendResult) -> &Answer {
    match result {
        Ok(answer)
        | Err(
            SendError::Deferred(answer)
            | SendError::Failed(answer)
            | SendError::RelayTrouble(answer)
            | SendError::InDoubt(answer),
        ) => answer,
    }
}
