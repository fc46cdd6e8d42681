//! Operators edit, approve, send and stop issues.

pub mod approve_issue;
pub mod cancel_issue;
pub mod edit_issue;
pub mod pause_issue;
pub mod resolve_issue;
pub mod resume_issue;
pub mod send_issue;
pub mod test_send;
