//! Composing one message: headers and MIME parts (RFC 5322, RFC 2045 and following), in ASCII, with CRLF, signed.

use super::{
    ComposeError, body,
    dkim::Signers,
    head::{Head, Own, Shared},
    quoted_printable::encode_around,
};
use crate::domain::{email_address::EmailAddress, mail::AutoSubmitted, newsletter::Newsletter};
use aws_lc_rs::digest;
use email_templates::Email;
use jiff::Timestamp;
use std::fmt::Write as _;

/// What becomes a message.
#[derive(Debug)]
pub struct Draft<'a> {
    /// In whose name.
    pub newsletter: &'a Newsletter,
    /// To whom.
    pub recipient: &'a EmailAddress,
    /// What it says.
    pub email: &'a Email,
    /// What in it is the reader's own, such as the token in their links: each value stands on lines of its own.
    pub personal: &'a [&'a str],
    /// Its identity, without angle brackets; the same at each attempt.
    pub message_id: &'a str,
    /// Its date.
    pub date: Timestamp,
    /// Where a mail program leaves the newsletter with one click (RFC 8058).
    pub unsubscribe_url: Option<&'a str>,
    /// Where a mail program can write to leave, as a `mailto:` URL; only beside the other.
    pub unsubscribe_mailto: Option<&'a str>,
    /// How it came about, if no person wrote it: nothing to answer automatically (RFC 3834).
    pub auto_submitted: Option<AutoSubmitted>,
    /// Who signs it.
    pub signers: &'a Signers,
    /// When it is signed.
    pub now: Timestamp,
}

/// Makes the bytes of a message, lines ended by CRLF.
pub fn compose(draft: &Draft<'_>) -> Result<Vec<u8>, ComposeError> {
    let boundary = body::boundary(draft.message_id);
    let head = Head::new(&Shared {
        newsletter: draft.newsletter,
        subject: &draft.email.subject,
        language: &draft.email.language,
        date: draft.date,
        boundary: &boundary,
        one_click: draft.unsubscribe_url.is_some(),
        auto_submitted: draft.auto_submitted,
    });
    let escaped: Vec<String> = draft.personal.iter().map(|value| escape(value)).collect();
    let escaped: Vec<&str> = escaped.iter().map(String::as_str).collect();
    let text = encode_around(&draft.email.text, draft.personal);
    let html = encode_around(&draft.email.html, &escaped);
    let body = body::alternatives(&boundary, &text, &html);
    let own = Own {
        recipient: draft.recipient,
        message_id: draft.message_id,
        unsubscribe_url: draft.unsubscribe_url,
        unsubscribe_mailto: draft.unsubscribe_mailto,
    };
    let mut out = Vec::with_capacity(body.len() + 2048);
    let body_hash = || digest::digest(&digest::SHA256, body.as_bytes());
    head.write(&own, draft.signers, draft.now, body_hash, &mut out)?;
    out.extend_from_slice(body.as_bytes());
    Ok(out)
}

/// A value as the templates write it in HTML.
pub(super) fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    maud::Escaper::new(&mut escaped).write_str(value).expect("a String takes any text");
    escaped
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
            language: "en".into(),
        };
        compose(&Draft {
            newsletter: &newsletter,
            recipient: &EmailAddress::parse("ann@example.org").unwrap(),
            email: &email,
            personal: &[],
            message_id: "abc.1@newsletter.example",
            date: "2026-05-01T07:00:00Z".parse().unwrap(),
            unsubscribe_url: Some("https://news.example.org/unsubscribe/token"),
            unsubscribe_mailto: None,
            auto_submitted: None,
            signers: &Signers::default(),
            now: "2026-05-01T07:00:05Z".parse().unwrap(),
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
