//! How long is kept what is held about readers.

use jiff::SignedDuration;

/// How long is kept what is held about readers.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Who has left everything is forgotten after this time. `None`: never.
    pub left: Option<SignedDuration>,
    /// Single mails, such as confirmations, are erased this long after they were sent or given up. `None`: never.
    pub mails: Option<SignedDuration>,
}
