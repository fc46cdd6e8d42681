//! Composing a message: headers and MIME parts (RFC 5322, RFC 2045 and following).

use crate::domain::{email_address::EmailAddress, newsletter::Newsletter};
use email_templates::Email;
use jiff::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

/// What becomes a message.
#[derive(Debug)]
pub struct Draft<'a> {
    /// In whose name.
    pub newsletter: &'a Newsletter,
    /// To whom.
    pub recipient: &'a EmailAddress,
    /// What it says.
    pub email: &'a Email,
    /// Its identity, without angle brackets; the same at each attempt.
    pub message_id: &'a str,
    /// Its date.
    pub date: Timestamp,
    /// Where a mail program leaves the newsletter with one click (RFC 8058).
    pub unsubscribe_url: Option<&'a str>,
    /// Whether it answers something a person did, and is nothing to answer automatically (RFC 3834).
    pub automatic: bool,
}

/// Why a message can't be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// An address that the mail library does not take.
    #[error("the address {0} can't be used: {1}")]
    Address(String, lettre::address::AddressError),
    /// Something else about headers or parts.
    #[error("the message can't be composed: {0}")]
    Message(#[from] lettre::error::Error),
}

/// Makes the bytes of a message, lines ended by CRLF.
pub fn compose(draft: &Draft<'_>) -> Result<Vec<u8>, ComposeError> {
    let newsletter = draft.newsletter;
    let sender = Mailbox::new(Some(newsletter.sender_name.clone()), address(&newsletter.sender_address)?);
    let recipient = Mailbox::new(None, address(draft.recipient)?);
    let mut message = Message::builder()
        .from(sender)
        .to(recipient)
        .subject(&draft.email.subject)
        .message_id(Some(format!("<{}>", draft.message_id)))
        .date(draft.date.into())
        .raw_header(header("List-Id", format!("<{}>", newsletter.list_id())));
    if let Some(url) = draft.unsubscribe_url {
        message = message
            .raw_header(header("List-Unsubscribe", format!("<{url}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
    }
    if draft.automatic {
        message = message.raw_header(header("Auto-Submitted", "auto-replied".into()));
    }
    let parts = MultiPart::alternative_plain_html(draft.email.text.clone(), draft.email.html.clone());
    Ok(message.multipart(parts)?.formatted())
}

fn address(address: &EmailAddress) -> Result<Address, ComposeError> {
    address.as_str().parse().map_err(|error| ComposeError::Address(address.masked(), error))
}

/// A header made of ASCII without line breaks, which needs no encoding.
fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{MessageParser, MimeHeaders as _};

    fn draft(subject: &str, text: &str) -> Vec<u8> {
        let newsletter =
            Newsletter { sender_name: "Zoë's “Daily”".into(), ..Newsletter::out_of_the_box() };
        let email = Email {
            subject: subject.into(),
            preheader: String::new(),
            html: format!("<p>{text}</p>"),
            text: text.into(),
        };
        compose(&Draft {
            newsletter: &newsletter,
            recipient: &EmailAddress::parse("ann@example.org").unwrap(),
            email: &email,
            message_id: "abc.1@newsletter.example",
            date: "2026-05-01T07:00:00Z".parse().unwrap(),
            unsubscribe_url: Some("https://news.example.org/unsubscribe/token"),
            automatic: false,
        })
        .unwrap()
    }

    #[test]
    fn a_message_has_the_headers_that_bulk_mail_needs() {
        let bytes = draft("Überraschung: “Öl” 🎉", "Grüße\n.\nvon uns");
        let message = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(message.subject(), Some("Überraschung: “Öl” 🎉"));
        let from = message.from().unwrap().first().unwrap();
        assert_eq!(from.name(), Some("Zoë's “Daily”"));
        assert_eq!(message.message_id(), Some("abc.1@newsletter.example"));
        assert_eq!(message.date().unwrap().to_rfc3339(), "2026-05-01T07:00:00Z");
        let raw = |name| message.header_raw(name).map(str::trim);
        assert_eq!(raw("List-Id"), Some("<daily.newsletter.example>"));
        assert_eq!(raw("List-Unsubscribe"), Some("<https://news.example.org/unsubscribe/token>"));
        assert_eq!(raw("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
        assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), "Grüße\n.\nvon uns");
        assert_eq!(message.content_type().unwrap().subtype(), Some("alternative"));
        assert!(bytes.is_ascii(), "needs no 8BITMIME");
    }

    #[test]
    fn a_hostile_subject_adds_no_header() {
        let bytes = draft("Hello\r\nBcc: eve@example.org", "x");
        let message = MessageParser::default().parse(&bytes).unwrap();
        assert!(message.bcc().is_none());
    }
}
