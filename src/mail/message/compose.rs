//! Composes messages with lettre (RFC 5322, RFC 2045 and following) in ASCII with CRLF, and signs them.
//!
//! A [`MessageTemplate`] holds the parts that all copies of a message share, built once by lettre's `Message`
//! builder. For each [`Recipient`] it adds the individual headers, inserts the token into the body, and
//! signs. A single email is a template with one copy.

use crate::{
    domain::{
        delivery::email::AutoSubmitted, issue::revision::Revision, newsletter::Newsletter,
        subscriber::email_address::EmailAddress,
    },
    mail::message::{
        dkim::{Listed, SignError, Signers, hash_shared, relaxed_lines},
        quoted_printable::encode,
    },
};
use aws_lc_rs::digest;
use jiff::Timestamp;
use lettre::{
    Message,
    address::Envelope,
    message::{
        Body, Mailbox, Mailboxes, MultiPart, SinglePart,
        header::{
            ContentTransferEncoding, ContentType, From, HeaderName, HeaderValue, Headers, MessageId, To,
        },
    },
};
use std::sync::OnceLock;

/// The parts that all copies of a message share.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    pub newsletter: &'a Newsletter,
    pub subject: &'a str,
    /// BCP 47 tag. Tags that are invalid in a header are left out.
    pub language: &'a str,
    pub text: &'a str,
    pub html: &'a str,
    /// The placeholder for the recipient's token in both parts: letters, digits and hyphens.
    pub placeholder: Option<&'a str>,
    /// A Message-ID, or its part before the first dot, which all copies share. The MIME boundary is derived
    /// from it.
    pub message_key: &'a str,
    pub date: Timestamp,
    /// Whether recipients can unsubscribe with one click (RFC 8058).
    pub one_click: bool,
    /// The `Feedback-ID` value, by which mailbox providers count complaints.
    pub feedback_id: &'a str,
    /// The `Auto-Submitted` value, if no person wrote the message (RFC 3834).
    pub auto_submitted: Option<AutoSubmitted>,
    /// The revision of the issue that a test shows.
    pub revision: Option<&'a Revision>,
}

/// The parts that differ between copies.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    pub address: &'a EmailAddress,
    /// Without angle brackets; the same for each attempt.
    pub message_id: &'a str,
    /// Present if and only if the content has `one_click`.
    pub unsubscribe_url: Option<&'a str>,
    /// A `mailto:` URL; requires `unsubscribe_url`.
    pub unsubscribe_mailto: Option<&'a str>,
    /// Replaces the placeholder: letters, digits, hyphens and underscores.
    pub token: &'a str,
}

/// A message without the parts of individual recipients.
pub struct MessageTemplate {
    /// The headers that all copies share.
    headers: String,
    listed: Listed,
    /// The empty line after the headers, and the body up to the first placeholder.
    first: String,
    /// The body after each placeholder.
    rest: Vec<String>,
    /// Computed for the first signed copy.
    hashes: OnceLock<Hashes>,
}

/// Hashes of the shared parts, to be continued with the recipient's own.
struct Hashes {
    /// The signed headers that all copies share, in relaxed form.
    headers: digest::Context,
    /// The body up to the first placeholder.
    body: digest::Context,
}

/// Reasons why a message can't be composed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// A value would break the message. The value isn't shown, because it may be a reader's own link.
    #[error("the message can't be composed: its {0} is empty, too long or contains forbidden characters")]
    Invalid(&'static str),
    /// lettre refused the message.
    #[error("the message can't be composed: {0}")]
    Builder(String),
    #[error(transparent)]
    Signature(#[from] SignError),
    /// The delivery's variant doesn't exist.
    #[error("the issue's variant no longer exists")]
    NoVariant,
}

const LIST_UNSUBSCRIBE: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe");
const LINE_END: &str = "\r\n";
const END_OF_HEADERS: &str = "\r\n\r\n";
/// Maximum length of a recipient's header value: no line may exceed 998 characters (RFC 5322 section 2.1.1).
const MAX_VALUE_BYTES: usize = 900;
/// Maximum length of token and placeholder: each fits one line of quoted-printable (RFC 2045 section 6.7).
const MAX_TOKEN_BYTES: usize = 75;
/// Maximum length of a word that is left unencoded, because lettre folds lines only at spaces.
const MAX_WORD_BYTES: usize = 60;

impl MessageTemplate {
    pub fn new(content: &Content<'_>) -> Result<Self, ComposeError> {
        let newsletter = content.newsletter;
        let sender = newsletter.sender_address.as_address();
        let boundary = format!("=_{}", boundary_key(content.message_key));
        let parts = MultiPart::alternative()
            .boundary(boundary)
            .singlepart(part(ContentType::TEXT_PLAIN, content.text, content.placeholder))
            .singlepart(part(ContentType::TEXT_HTML, content.html, content.placeholder));
        let mut message = Message::builder()
            // The builder requires an envelope, but copies have their own.
            .envelope(Envelope::new(None, vec![sender.clone()]).map_err(builder_error)?)
            .from(Mailbox::from(sender.clone()))
            .subject(clean(content.subject))
            .date(content.date.into())
            .multipart(parts)
            .map_err(builder_error)?;
        let headers = message.headers_mut();
        // The name is set only now, because the builder parses the sender again and fails on some names.
        let name = Some(clean(&newsletter.sender_name)).filter(|name| !name.is_empty());
        headers.set(From::from(Mailboxes::from(Mailbox::new(name, sender.clone()))));
        let mut add =
            |name, value| headers.insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        if let Some(address) = &newsletter.reply_to {
            add("Reply-To", address.to_string());
        }
        add("List-Id", format!("<{}>", newsletter.list_id()));
        if content.one_click {
            add("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
        }
        if !content.feedback_id.is_empty() {
            add("Feedback-ID", checked("Feedback-ID", content.feedback_id)?.to_owned());
        }
        if let Some(revision) = content.revision {
            add("Daily-Revision", revision.to_string());
        }
        if let Some(how) = content.auto_submitted {
            add("Auto-Submitted", how.as_str().to_owned());
        }
        if is_language_tag(content.language) {
            add("Content-Language", content.language.to_owned());
        }
        let formatted = String::from_utf8(message.formatted()).map_err(builder_error)?;
        let end = formatted.find(END_OF_HEADERS).ok_or(ComposeError::Builder("it has no body".into()))?;
        let (headers, body) = formatted.split_at(end + LINE_END.len());
        let mut pieces = match content.placeholder {
            Some(placeholder) => body.split(placeholder).map(str::to_owned).collect(),
            None => vec![body.to_owned()],
        };
        let rest = pieces.split_off(1);
        Ok(Self {
            headers: headers.to_owned(),
            listed: if content.one_click { Listed::WithOneClick } else { Listed::Plain },
            first: pieces.remove(0),
            rest,
            hashes: OnceLock::new(),
        })
    }

    /// Writes a recipient's copy into `out`, replacing its content.
    pub fn write(
        &self,
        recipient: &Recipient<'_>,
        signers: &Signers,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        out.clear();
        let own = own_headers(recipient)?;
        let token = checked_token(recipient.token, self.rest.is_empty())?;
        debug_assert_eq!(recipient.unsubscribe_url.is_some(), self.listed == Listed::WithOneClick);
        if !signers.is_empty() {
            let hashes = self.hashes.get_or_init(|| self.hash());
            let (mut headers, mut body) = (hashes.headers.clone(), hashes.body.clone());
            for header in relaxed_lines(&own) {
                headers.update(header.as_bytes());
            }
            for piece in &self.rest {
                body.update(token);
                body.update(piece.as_bytes());
            }
            signers.sign(self.listed, &headers, &body.finish(), now, out)?;
        }
        for piece in [&own, &self.headers, &self.first] {
            out.extend_from_slice(piece.as_bytes());
        }
        for piece in &self.rest {
            out.extend_from_slice(token);
            out.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }

    fn hash(&self) -> Hashes {
        let mut body = digest::Context::new(&digest::SHA256);
        body.update(&self.first.as_bytes()[LINE_END.len()..]);
        Hashes { headers: hash_shared(&self.headers), body }
    }
}

/// Returns a recipient's own headers, in the order of [`Listed`].
fn own_headers(recipient: &Recipient<'_>) -> Result<String, ComposeError> {
    let mut headers = Headers::with_capacity(3);
    headers.set(To::from(Mailboxes::from(Mailbox::from(recipient.address.as_address().clone()))));
    headers.set(MessageId::from(format!("<{}>", checked("Message-ID", recipient.message_id)?)));
    if let Some(url) = recipient.unsubscribe_url {
        let mut value = format!("<{}>", checked("List-Unsubscribe", url)?);
        if let Some(mailto) = recipient.unsubscribe_mailto {
            value.extend([", <", checked("List-Unsubscribe", mailto)?, ">"]);
        }
        headers.insert_raw(HeaderValue::new(LIST_UNSUBSCRIBE, value));
    }
    Ok(headers.to_string())
}

fn part(kind: ContentType, text: &str, placeholder: Option<&str>) -> SinglePart {
    let encoded = encode(text, placeholder).into_bytes();
    SinglePart::builder()
        .content_type(kind)
        .body(Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable))
}

/// Makes the boundary unpredictable for authors of articles. Besides, quoted-printable never contains `=_`.
fn boundary_key(message_key: &str) -> String {
    let key = message_key.split(['.', '@']).next().unwrap_or_default();
    key.chars().filter(char::is_ascii_alphanumeric).take(60).collect()
}

/// Joins the words of a text with single spaces and removes control characters, some of which make lettre
/// panic.
///
/// Words that lettre would wrongly leave unencoded get an invisible character, which makes lettre encode them
/// (RFC 2047): words that look like encoded words, or are too long for a line.
fn clean(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let is_safe = !word.contains("=?") && word.len() <= MAX_WORD_BYTES || !word.is_ascii();
        if is_safe { word.to_owned() } else { format!("{word}\u{2060}") }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a text is valid in `Content-Language` (RFC 3282).
fn is_language_tag(text: &str) -> bool {
    (1..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Validates a value for use between angle brackets on one line.
fn checked<'a>(name: &'static str, value: &'a str) -> Result<&'a str, ComposeError> {
    let fits = (1..=MAX_VALUE_BYTES).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    if fits { Ok(value) } else { Err(ComposeError::Invalid(name)) }
}

/// Validates a token whose form is the same in text, HTML and quoted-printable.
fn checked_token(token: &str, unused: bool) -> Result<&[u8], ComposeError> {
    let fits = (1..=MAX_TOKEN_BYTES).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if fits || unused { Ok(token.as_bytes()) } else { Err(ComposeError::Invalid("token")) }
}

fn builder_error(error: impl std::fmt::Display) -> ComposeError {
    ComposeError::Builder(error.to_string())
}

impl std::fmt::Debug for MessageTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.first.len() + self.rest.iter().map(String::len).sum::<usize>();
        write!(f, "MessageTemplate({bytes} bytes, {} placeholders)", self.rest.len())
    }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
