//! The outcome of handing a message to a relay: an [`Answer`] if the relay accepted it, else a [`SendError`].

use crate::domain::delivery::status::Answer;
use lettre::AsyncTransport;

/// Reasons why a message isn't known to be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// 4xx: the relay asks to try again later.
    #[error("deferred: {}", .0.line())]
    Deferred(Answer),
    /// 5xx: permanently rejected. Or the message can't be sent as it is, and nothing was sent.
    #[error("refused: {}", .0.line())]
    Failed(Answer),
    /// No relay could be reached, or it failed before it had the whole message. Nothing is known about the
    /// recipient, and nothing was sent.
    #[error("the relay failed: {}", .0.line())]
    RelayFailure(Answer),
    /// The relay may have received the whole message, but its answer is unknown.
    #[error("in doubt: {}", .0.line())]
    InDoubt(Answer),
}

pub type SendResult = Result<Answer, SendError>;

/// A relay: lettre's interface with our outcome.
pub(super) type RelayTransport = dyn AsyncTransport<Ok = Answer, Error = SendError> + Send + Sync;

/// Returns the relay's answer, whatever the outcome.
pub const fn answer_of(result: &SendResult) -> &Answer {
    match result {
        Ok(answer)
        | Err(
            SendError::Deferred(answer)
            | SendError::Failed(answer)
            | SendError::RelayFailure(answer)
            | SendError::InDoubt(answer),
        ) => answer,
    }
}
