//! Operators edit, approve, send and stop issues.

pub mod approve_issue;
pub mod cancel_issue;
pub mod decide;
pub mod edit_fields;
pub mod edit_issue;
pub mod pause_issue;
pub mod resend_issue;
pub mod resolve_issue;
pub mod resume_issue;
pub mod send_issue;
pub mod test_send;

use crate::db::issues::IssueRecord;
use serde_json::{Value, json};

/// Returns the fields of an issue that operators change, as the audit log keeps them.
fn audited(issue: &IssueRecord) -> Value {
    json!({
        "issue_date": issue.issue_date,
        "status": issue.status,
        "reason": issue.reason,
        "due_at": issue.due_at,
        "at_once": issue.at_once,
        "approved_at": issue.approved_at,
        "subject": issue.subject,
        "preheader": issue.preheader,
        "note": issue.note,
    })
}
