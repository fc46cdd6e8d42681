//! The head of a message: headers that all copies share, made once, and a reader's own, made for each.

use super::{
    ComposeError,
    dkim::{Listed, Signers},
    headers,
};
use crate::domain::{email_address::EmailAddress, mail::AutoSubmitted, newsletter::Newsletter};
use aws_lc_rs::digest;
use jiff::{Timestamp, tz::TimeZone};

/// What the headers that all copies share are made from.
pub(super) struct Shared<'a> {
    pub newsletter: &'a Newsletter,
    pub subject: &'a str,
    /// What it is written in, as a BCP 47 tag.
    pub language: &'a str,
    pub date: Timestamp,
    pub boundary: &'a str,
    /// Whether readers can leave with one click (RFC 8058).
    pub one_click: bool,
    /// How it came about, if no person wrote it.
    pub auto_submitted: Option<AutoSubmitted>,
}

/// A reader's own headers.
pub(super) struct Own<'a> {
    pub recipient: &'a EmailAddress,
    /// Without angle brackets.
    pub message_id: &'a str,
    /// Given exactly where the shared headers promise one click.
    pub unsubscribe_url: Option<&'a str>,
    /// A `mailto:` URL, only beside the other.
    pub unsubscribe_mailto: Option<&'a str>,
}

/// The headers of a message, or of all copies of one.
pub(super) struct Head {
    /// Those before the reader's own.
    above: String,
    /// Those after them, and the empty line.
    below: String,
    /// The hash of those that signatures list, in their relaxed form, ready for the reader's own.
    hashed: digest::Context,
    listed: Listed,
}

/// Longest value of a reader's own header; no line may pass 998 characters (RFC 5322 section 2.1.1).
const LONGEST_VALUE: usize = 900;

impl Head {
    pub fn new(shared: &Shared<'_>) -> Self {
        let newsletter = shared.newsletter;
        let mut from = String::new();
        headers::mailbox(&mut from, "From", &newsletter.sender_name, &newsletter.sender_address);
        let mut subject = String::new();
        headers::text(&mut subject, "Subject", shared.subject);
        let zoned = shared.date.to_zoned(TimeZone::UTC);
        let date = jiff::fmt::rfc2822::to_string(&zoned).expect("the years of this era have four digits");
        let date = format!("Date: {date}\r\n");
        let list_id = format!("List-Id: <{}>\r\n", newsletter.list_id());
        let post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
        let version = "MIME-Version: 1.0\r\n";
        let content =
            format!("Content-Type: multipart/alternative;\r\n boundary=\"{}\"\r\n", shared.boundary);

        let mut hashed = digest::Context::new(&digest::SHA256);
        // In the order in which `Listed` names them.
        for header in [from.as_str(), &subject, &date, version, &content, &list_id] {
            hashed.update(headers::relaxed(header).as_bytes());
        }
        let mut below = list_id;
        if shared.one_click {
            hashed.update(headers::relaxed(post).as_bytes());
            below.push_str(post);
        }
        if let Some(how) = shared.auto_submitted {
            below.extend(["Auto-Submitted: ", how.as_str(), "\r\n"]);
        }
        if is_language_tag(shared.language) {
            below.extend(["Content-Language: ", shared.language, "\r\n"]);
        }
        below.push_str(version);
        below.push_str(&content);
        below.push_str("\r\n");
        let listed = if shared.one_click { Listed::WithOneClick } else { Listed::Plain };
        Self { above: from + &subject + &date, below, hashed, listed }
    }

    /// Writes signatures and headers, up to where the body begins. `body_hash` is asked for only if something is signed.
    pub fn write(
        &self,
        own: &Own<'_>,
        signers: &Signers,
        now: Timestamp,
        body_hash: impl FnOnce() -> digest::Digest,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        checked("Message-ID", own.message_id)?;
        checked("List-Unsubscribe", own.unsubscribe_url.unwrap_or("none"))?;
        checked("List-Unsubscribe", own.unsubscribe_mailto.unwrap_or("none"))?;
        let mailto = own.unsubscribe_mailto;
        debug_assert!(mailto.is_none() || own.unsubscribe_url.is_some());
        debug_assert_eq!(own.unsubscribe_url.is_some(), self.listed == Listed::WithOneClick);
        if !signers.is_empty() {
            let mut hashed = self.hashed.clone();
            let mut update = |parts: [&str; 3]| parts.iter().for_each(|part| hashed.update(part.as_bytes()));
            update(["to:", own.recipient.as_str(), "\r\n"]);
            update(["message-id:<", own.message_id, ">\r\n"]);
            if let Some(url) = own.unsubscribe_url {
                update(["list-unsubscribe:<", url, ">"]);
                if let Some(mailto) = mailto {
                    // Unfolded: of the line break only the space is left.
                    update([", <", mailto, ">"]);
                }
                update(["\r\n", "", ""]);
            }
            signers.sign(self.listed, &hashed, &body_hash(), now, out)?;
        }
        let mut write = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        write(&[&self.above, "To: ", own.recipient.as_str(), "\r\n"]);
        write(&["Message-ID: <", own.message_id, ">\r\n"]);
        if let Some(url) = own.unsubscribe_url {
            write(&["List-Unsubscribe: <", url, ">"]);
            if let Some(mailto) = mailto {
                write(&[",\r\n <", mailto, ">"]);
            }
            write(&["\r\n"]);
        }
        write(&[&self.below]);
        Ok(())
    }
}

/// Whether a text can stand as the name of a language (RFC 3282). One that can't is left out: no mail is lost for it.
fn is_language_tag(text: &str) -> bool {
    (1..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A value that can stand between angle brackets on one line.
fn checked(name: &'static str, value: &str) -> Result<(), ComposeError> {
    let fits = !value.is_empty()
        && value.len() <= LONGEST_VALUE
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    if fits { Ok(()) } else { Err(ComposeError::Header(name)) }
}
