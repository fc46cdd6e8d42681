//! Notifications of Amazon SES as JSON, which its SNS topics send by email.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    #[serde(rename = "notificationType", alias = "eventType")]
    pub kind: String,
    pub bounce: Option<Bounce>,
    pub complaint: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounce {
    #[serde(default)]
    pub bounced_recipients: Vec<BouncedRecipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BouncedRecipient {
    pub email_address: String,
    pub status: Option<String>,
    pub action: Option<String>,
    pub diagnostic_code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complaint {
    #[serde(default)]
    pub complained_recipients: Vec<ComplainedRecipient>,
    pub complaint_feedback_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComplainedRecipient {
    pub email_address: String,
}

/// Returns the notification in a text. Mail systems may have broken its lines.
pub fn notification(text: &str) -> Option<Notification> {
    let start = text.find('{')?;
    if !text.contains("\"notificationType\"") && !text.contains("\"eventType\"") {
        return None;
    }
    let json: String = text[start..].chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    // Words may follow the object, so only its first value is read.
    serde_json::Deserializer::from_str(&json).into_iter().next()?.ok()
}
