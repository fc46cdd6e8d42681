//! Composes messages with lettre (RFC 5322, RFC 2045 and following), in ASCII with CRLF, and has them signed.
//!
//! A [`MessageTemplate`] holds the parts that all copies of a message share, built once by lettre's `Message` builder. For each
//! [`Recipient`] it adds their headers, puts their token into the body, and signs. A single email is a template with one copy.

use crate::{
    domain::{
        delivery::email::AutoSubmitted, newsletter::Newsletter, subscriber::email_address::EmailAddress,
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
    /// The sender.
    pub newsletter: &'a Newsletter,
    /// The subject line.
    pub subject: &'a str,
    /// A BCP 47 tag. One that can't stand in a header is left out.
    pub language: &'a str,
    /// The text part.
    pub text: &'a str,
    /// The HTML part.
    pub html: &'a str,
    /// Stands in both parts wherever the recipient's token belongs: letters, digits and hyphens.
    pub placeholder: Option<&'a str>,
    /// A Message-ID, or the part before the first dot that all copies' Message-IDs share. The boundary is made of it.
    pub message_key: &'a str,
    /// The `Date` header.
    pub date: Timestamp,
    /// Whether recipients can unsubscribe with one click (RFC 8058).
    pub one_click: bool,
    /// How the message came about, if no person wrote it (RFC 3834).
    pub auto_submitted: Option<AutoSubmitted>,
}

/// The parts that differ from copy to copy.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The `To` header.
    pub address: &'a EmailAddress,
    /// Without angle brackets; the same at each attempt.
    pub message_id: &'a str,
    /// Present exactly where the content has `one_click`.
    pub unsubscribe_url: Option<&'a str>,
    /// A `mailto:` URL, only beside the other.
    pub unsubscribe_mailto: Option<&'a str>,
    /// Replaces the placeholder: letters, digits, hyphens and underscores.
    pub token: &'a str,
}

/// A message without its recipients' own parts.
pub struct MessageTemplate {
    /// The headers that all copies share.
    headers: String,
    listed: Listed,
    /// The empty line after the headers, and the body up to the first placeholder.
    first: String,
    /// The body after each placeholder.
    rest: Vec<String>,
    /// Made for the first copy that is signed.
    hashes: OnceLock<Hashes>,
}

/// The hashes of the shared parts, ready for the recipient's own.
struct Hashes {
    /// The signed headers that all copies share, in relaxed form.
    headers: digest::Context,
    /// The body up to the first placeholder.
    body: digest::Context,
}

/// Why a message can't be composed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// A value that would break the message. It isn't shown, because it may be a reader's own link.
    #[error("the message can't be composed: its {0} is empty, too long or holds forbidden characters")]
    Invalid(&'static str),
    /// lettre refused the message.
    #[error("the message can't be composed: {0}")]
    Builder(String),
    /// A key failed to sign.
    #[error(transparent)]
    Signature(#[from] SignError),
    /// The delivery's variant doesn't exist.
    #[error("what the reader would get is gone from the store")]
    NoVariant,
}

const LIST_UNSUBSCRIBE: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe");
const LINE_END: &str = "\r\n";
const END_OF_HEADERS: &str = "\r\n\r\n";
/// Longest value of a recipient's header: no line may pass 998 characters (RFC 5322 section 2.1.1).
const MAX_VALUE_BYTES: usize = 900;
/// Longest token and placeholder: each has a line of quoted-printable to itself (RFC 2045 section 6.7).
const MAX_TOKEN_BYTES: usize = 75;
/// Longest word that lettre may leave as it is: it folds lines at spaces only.
const MAX_WORD_BYTES: usize = 60;

impl MessageTemplate {
    /// Composes the shared parts.
    pub fn new(content: &Content<'_>) -> Result<Self, ComposeError> {
        let newsletter = content.newsletter;
        let sender = newsletter.sender_address.as_address();
        let boundary = format!("=_{}", boundary_key(content.message_key));
        let parts = MultiPart::alternative()
            .boundary(boundary)
            .singlepart(part(ContentType::TEXT_PLAIN, content.text, content.placeholder))
            .singlepart(part(ContentType::TEXT_HTML, content.html, content.placeholder));
        let mut message = Message::builder()
            // The builder wants one; copies have envelopes of their own.
            .envelope(Envelope::new(None, vec![sender.clone()]).map_err(builder_error)?)
            .from(Mailbox::from(sender.clone()))
            .subject(clean(content.subject))
            .date(content.date.into())
            .multipart(parts)
            .map_err(builder_error)?;
        let headers = message.headers_mut();
        // With the name only now: the builder parses the sender again, and fails on some names.
        let name = Some(clean(&newsletter.sender_name)).filter(|name| !name.is_empty());
        headers.set(From::from(Mailboxes::from(Mailbox::new(name, sender.clone()))));
        let mut add =
            |name, value| headers.insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        add("List-Id", format!("<{}>", newsletter.list_id()));
        if content.one_click {
            add("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
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

    /// Writes a recipient's copy, in place of whatever `out` holds.
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

/// Makes the boundary unpredictable for authors of articles. Besides, quoted-printable can't hold `=_`.
fn boundary_key(message_key: &str) -> String {
    let key = message_key.split(['.', '@']).next().unwrap_or_default();
    key.chars().filter(char::is_ascii_alphanumeric).take(60).collect()
}

/// Joins the words of a text with single spaces, without control characters, because lettre panics on some of these in names.
///
/// A word that lettre would leave as it is, but shouldn't, gets an invisible letter, so that lettre encodes it (RFC 2047):
/// one that may be taken for an encoded word, or is too long for a line.
fn clean(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let as_is = !word.contains("=?") && word.len() <= MAX_WORD_BYTES || !word.is_ascii();
        if as_is { word.to_owned() } else { format!("{word}\u{2060}") }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a text can stand as the name of a language (RFC 3282).
fn is_language_tag(text: &str) -> bool {
    (1..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Accepts a value that can stand between angle brackets on one line.
fn checked<'a>(name: &'static str, value: &'a str) -> Result<&'a str, ComposeError> {
    let fits = (1..=MAX_VALUE_BYTES).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    if fits { Ok(value) } else { Err(ComposeError::Invalid(name)) }
}

/// Accepts a token that is the same in text, HTML and quoted-printable.
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
