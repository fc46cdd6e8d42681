//! Composes and signs messages.

mod body;
pub(super) mod compose;
pub(super) mod dkim;
pub(super) mod dkim_keys;
pub(super) mod frozen;
mod head;
mod headers;
mod quoted_printable;

/// Why a message can't be composed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// A value that would break its header. It is not shown: it may be a reader's own link.
    #[error(
        "the message can't be composed: its {0} is empty, too long or holds characters that can't stand in a header"
    )]
    Header(&'static str),
    /// A key that does not sign.
    #[error(transparent)]
    Signature(#[from] dkim::SignError),
    /// What a delivery names is not there.
    #[error("what the reader would get is gone from the store")]
    NoVariant,
}
