//! An incoming message, taken apart: the words of its sender, the reports in it, and the message it returns.

use super::fields::{Block, DeliveryFields, blocks, delivery_fields, inlined_delivery_fields};
use mail_parser::{Address, HeaderValue, Message, MessagePart, MimeHeaders as _, PartType};

/// Characters of a part that are read. Reports are short; long parts are returned messages.
const MAX_CHARS: usize = 64 * 1024;

/// Beginnings of the line before a returned message, in lower case and without ornaments.
const SEPARATORS: [&str; 22] = [
    "original message follows",
    "original message headers",
    "original message",
    "original mail info",
    "original mail follows",
    "this is a copy of the message",
    "this is a copy of your message",
    "below this line is a copy",
    "below is a copy of",
    "enclosed is a copy",
    "included is a copy",
    "a copy of the original message",
    "message headers follow",
    "message header follows",
    "unsent message follows",
    "unsent message below",
    "returned message",
    "the header of the original message",
    "the original message follows",
    "headers of the original message",
    "start of the original message",
    "text of your message",
];

#[derive(Debug, Default)]
pub struct Document {
    /// The sender's own words, without the returned message.
    pub notification: String,
    /// The returned message, or its headers.
    pub returned: String,
    pub delivery: Option<DeliveryFields>,
    pub feedback: Option<Block>,
    /// A receipt (RFC 8098) is in it.
    pub is_receipt: bool,
    /// The kind of report that it calls itself (RFC 6522), in lower case.
    pub report_type: Option<String>,
    /// The report that a gateway has put into a message of its own.
    pub wrapped: Option<Box<Document>>,
}

impl Document {
    pub fn new(message: &Message<'_>) -> Self {
        let mut found = Self { report_type: report_type(message), ..Self::default() };
        let (mut delivery, mut html) = (String::new(), String::new());
        for part in &message.parts {
            match part_type(part).as_str() {
                "message/delivery-status" | "message/global-delivery-status" => {
                    push(&mut delivery, &text(part));
                }
                "message/feedback-report" => {
                    found.feedback = found.feedback.or_else(|| blocks(&text(part)).into_iter().next());
                }
                "message/disposition-notification" => found.is_receipt = true,
                "text/rfc822-headers" | "text/rfc822-header" | "message/global-headers" => {
                    push(&mut found.returned, &text(part));
                }
                _ => match &part.body {
                    PartType::Message(returned) => {
                        if report_type(returned).as_deref() == Some("delivery-status") {
                            found.wrapped = Some(Box::new(Self::new(returned)));
                        }
                        let end =
                            part.offset_end.min(u32::try_from(message.raw_message.len()).unwrap_or(u32::MAX));
                        let raw = message
                            .raw_message
                            .get(part.offset_body as usize..end as usize)
                            .filter(|it| !it.is_empty())
                            .unwrap_or_else(|| returned.raw_message());
                        push(&mut found.returned, &String::from_utf8_lossy(&raw[..raw.len().min(MAX_CHARS)]));
                    }
                    PartType::Html(body) => push(&mut html, body),
                    PartType::Text(body) if is_header_text(body) => push(&mut found.returned, body),
                    PartType::Text(body) => push(&mut found.notification, body),
                    // A multipart whose boundary is missing.
                    PartType::Binary(_) if part_type(part).starts_with("multipart/") => {
                        push(&mut found.notification, &text(part));
                    }
                    _ => {}
                },
            }
        }
        if found.notification.trim().is_empty() {
            found.notification = mail_parser::decoders::html::html_to_text(&html);
        }
        found.delivery = if delivery.trim().is_empty() {
            inlined_delivery_fields(&found.notification)
        } else {
            Some(delivery_fields(&delivery))
        };
        found.split_returned();
        found
    }

    /// Moves a returned message out of the sender's words.
    fn split_returned(&mut self) {
        let mut at = 0;
        for line in self.notification.split_inclusive('\n') {
            if is_separator(line) {
                let returned = self.notification.split_off(at);
                push(&mut self.returned, &returned);
                return;
            }
            at += line.len();
        }
    }
}

fn report_type(message: &Message<'_>) -> Option<String> {
    let content = message.content_type()?;
    let is_report = content.ctype() == "multipart" && content.subtype() == Some("report");
    let kind = content.attribute("report-type").filter(|_| is_report)?;
    Some(kind.to_ascii_lowercase())
}

fn is_separator(line: &str) -> bool {
    // A header of the returned message without a word before it. A quoted one (`> From:`) is prose.
    if line.starts_with("Received:") || line.starts_with("Return-Path:") || line.starts_with("Return-path:") {
        return true;
    }
    let plain = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let is_marked = plain.len() < 90 && !line.trim_start().starts_with('>');
    is_marked && SEPARATORS.iter().any(|it| plain.starts_with(it))
}

/// Whether a part of plain text holds the returned headers.
fn is_header_text(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_field = first.split_once(": ").is_some_and(|(name, _)| {
        name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    is_field && text.contains("\nReceived:") && text.contains("\nSubject:")
}

fn push(text: &mut String, more: &str) {
    text.extend(more.chars().take(MAX_CHARS.saturating_sub(text.len())));
    text.push('\n');
}

fn part_type(part: &MessagePart<'_>) -> String {
    part.content_type().map_or_else(String::new, |it| {
        format!("{}/{}", it.ctype(), it.subtype().unwrap_or_default()).to_ascii_lowercase()
    })
}

fn text(part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.to_string(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        PartType::Message(message) => String::from_utf8_lossy(message.raw_message()).into_owned(),
        PartType::Multipart(_) => String::new(),
    }
}

/// Returns the address in `From`, in lower case. Some mailers write a name without a domain.
pub fn sender(message: &Message<'_>) -> String {
    let address = message.from().and_then(Address::first);
    let address = address.and_then(|it| it.address().or(it.name())).map(str::to_owned);
    address.unwrap_or_default().trim().to_lowercase()
}

/// Returns a header as one line of text, whatever mail-parser made of it.
pub fn header(message: &Message<'_>, name: &str) -> Option<String> {
    let value = message.header_raw(name.to_owned())?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns the addresses that the message was sent to, from its headers.
pub fn recipients(message: &Message<'_>) -> Vec<String> {
    const NAMES: [&str; 6] = ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];
    const MOST: usize = 100;
    let mut found = Vec::new();
    for header in message.headers() {
        if !NAMES.iter().any(|it| header.name().eq_ignore_ascii_case(it)) {
            continue;
        }
        match header.value() {
            HeaderValue::Address(addresses) => {
                found.extend(addresses.iter().filter_map(|it| it.address().map(str::to_owned)));
            }
            HeaderValue::Text(text) => {
                found.push(text.trim().trim_start_matches('<').trim_end_matches('>').to_owned());
            }
            _ => {}
        }
    }
    found.truncate(MOST);
    found
}
