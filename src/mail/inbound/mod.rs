//! Reads incoming email: bounces (RFC 3464, RFC 6533 and many forms of prose), complaints (RFC 5965), automatic
//! answers (RFC 3834) and requests to unsubscribe.
//!
//! Reading changes nothing and needs no database. It tells what a message says; whether it is to be believed
//! depends on its traces of an email that we sent.

mod automatic;
mod codes;
mod document;
mod fields;
mod notification;
mod plain;
mod returned;
mod stage;
mod unsubscribe;
mod verdict;
mod wordings;

use crate::domain::delivery::{
    incoming::{Failure, IncomingKind, Reading},
    status::Answer,
};
use aws_lc_rs::digest;
use document::{Document, header};
use mail_parser::{Message, MessageParser};
use std::borrow::Cow;
use verdict::{Evidence, verdict};

/// Returned messages inside each other, above which a message is not taken apart.
const MAX_NESTED: usize = 32;

/// Reads a message. `None` if it is no message at all.
pub fn read(bytes: &[u8]) -> Option<Reading> {
    let bytes = without_mbox_line(bytes);
    let nested = count(bytes, b"message/rfc822") + count(bytes, b"message/global");
    let parser = MessageParser::default();
    let message = if nested > MAX_NESTED { parser.parse_headers(bytes) } else { parser.parse(bytes) }?;
    let document = Document::new(&message);
    let mut reading = Reading {
        kind: IncomingKind::Other,
        failures: Vec::new(),
        reporting_mta: None,
        tokens: unsubscribe::tokens_in(message.subject().unwrap_or_default()).collect(),
        traces: returned::traces(&message, &document),
        message_id: message.message_id().map(str::to_owned),
        sender: document::sender(&message),
    };
    classify(&message, &document, &mut reading);
    Some(reading)
}

fn classify(message: &Message<'_>, document: &Document, reading: &mut Reading) {
    if let Some(kind) = complaint(message, document, reading) {
        reading.kind = kind;
    } else if delivery_report(document, reading)
        || notification(document, reading)
        || prose(message, document, reading)
    {
        reading.kind = reading.failures.first().map_or(IncomingKind::Soft, |it| it.kind);
    } else if let Some(report) = &document.report_type {
        // A report without the fields that make it one. It quotes our email, so its words mean nothing.
        reading.kind = if report == "delivery-status" { IncomingKind::Soft } else { IncomingKind::Other };
    } else if document.is_receipt {
        reading.kind = IncomingKind::Other;
    } else if unsubscribe::is_request(message, document) {
        reading.kind = IncomingKind::Unsubscribe;
        reading.tokens = unsubscribe::tokens(message, document);
    } else if let Some(kind) = automatic::automatic_answer(message, document) {
        reading.kind = kind;
    }
}

/// Reads a complaint (RFC 5965). A report of failed authentication (RFC 6591) is none, and neither is the word
/// that something is no spam.
fn complaint(message: &Message<'_>, document: &Document, reading: &mut Reading) -> Option<IncomingKind> {
    let without_fields = fields::Block::default();
    let is_feedback = document.report_type.as_deref() == Some("feedback-report");
    let fields = match &document.feedback {
        Some(fields) => fields,
        None if is_feedback => &without_fields,
        None => return unformatted_complaint(message, document, reading),
    };
    let feedback = fields.get("Feedback-Type").unwrap_or("abuse").to_ascii_lowercase();
    let kind = match feedback.as_str() {
        "auth-failure" => IncomingKind::Authentication,
        "not-spam" => IncomingKind::Other,
        _ => IncomingKind::Complaint,
    };
    reading.reporting_mta = fields.typed("Reporting-MTA").map(str::to_owned);
    let recipient =
        fields.typed("Original-Rcpt-To").map(str::to_owned).or_else(|| reading.traces.recipient.clone());
    reading.failures = vec![Failure {
        kind,
        recipient,
        reply: None,
        status: None,
        diagnostic: feedback,
        server: fields.get("User-Agent").map(str::to_owned),
    }];
    Some(kind)
}

/// Reads a complaint without report fields, as Microsoft's feedback loop sends it: the subject, and the
/// complained message.
fn unformatted_complaint(
    message: &Message<'_>,
    document: &Document,
    reading: &mut Reading,
) -> Option<IncomingKind> {
    let subject = message.subject().unwrap_or_default().trim().to_lowercase();
    if !subject.starts_with("complaint about message from") || document.returned.trim().is_empty() {
        return None;
    }
    let recipient = fields::blocks(&document.returned)
        .first()
        .and_then(|it| it.typed("X-HmXmrOriginalRecipient").map(str::to_owned))
        .or_else(|| reading.traces.recipient.clone());
    reading.failures = vec![Failure {
        kind: IncomingKind::Complaint,
        recipient,
        reply: None,
        status: None,
        diagnostic: "abuse".into(),
        server: None,
    }];
    Some(IncomingKind::Complaint)
}

/// Reads report fields (RFC 3464, RFC 6533).
fn delivery_report(document: &Document, reading: &mut Reading) -> bool {
    let Some(delivery) = &document.delivery else { return false };
    let is_about_one = delivery.recipients.len() == 1;
    reading.reporting_mta = delivery.message.typed("Reporting-MTA").map(str::to_owned);
    let stage = stage::stage(&document.notification);
    for fields in &delivery.recipients {
        let action = fields.get("Action").unwrap_or("failed").split_whitespace().next().unwrap_or_default();
        let action = action.to_ascii_lowercase();
        let status = fields.get("Status").and_then(codes::status_field);
        let recipient = ["Original-Recipient", "Final-Recipient", "X-Actual-Recipient"]
            .iter()
            .filter_map(|it| fields.typed(it))
            .find(|it| it.contains('@'));
        let (is_program, diagnostic) = diagnostic(fields);
        // Without an answer in the fields, the report's words or the comment in the status tell.
        let diagnostic = match diagnostic {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(words_about(document, recipient, fields.get("Status"))),
        };
        let is_success = status.is_some_and(|it| it.class() == 2)
            || ["delivered", "relayed", "expanded", "deliverable"].contains(&action.as_str());
        let evidence = Evidence {
            is_delayed: action == "delayed",
            status,
            diagnostic: &diagnostic,
            is_program,
            stage,
            recipient,
            notification: if is_about_one { &document.notification } else { "" },
        };
        let verdict = verdict(&evidence);
        reading.failures.push(Failure {
            kind: if is_success { IncomingKind::Delivered } else { verdict.kind },
            recipient: recipient.map(str::to_owned),
            reply: verdict.codes.reply,
            status: verdict.codes.enhanced,
            diagnostic: one_line(&diagnostic),
            server: fields.typed("Remote-MTA").map(str::to_owned),
        });
    }
    true
}

/// Returns the text of `Diagnostic-Code`, and whether a local program wrote it.
fn diagnostic(fields: &fields::Block) -> (bool, Option<&str>) {
    let Some(value) = fields.get("Diagnostic-Code").filter(|it| !it.is_empty()) else { return (false, None) };
    match value.split_once(';') {
        Some((kind, text)) if !kind.trim().contains(' ') => {
            (kind.trim().eq_ignore_ascii_case("x-unix"), Some(text.trim()).filter(|it| !it.is_empty()))
        }
        _ => (false, Some(value)),
    }
}

/// Returns what a report's prose says about a recipient whose fields hold no answer.
fn words_about(document: &Document, recipient: Option<&str>, status: Option<&str>) -> String {
    let found = plain::failures(&document.notification, &[], &[]);
    let own = found
        .iter()
        .find(|it| it.recipient.as_deref().zip(recipient).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b)));
    let comment = status.and_then(|it| it.split_once('(')).map_or("", |(_, comment)| comment);
    let words = own.or(found.first()).map_or("", |it| it.diagnostic.as_str());
    format!("{comment} {words}")
}

/// Reads a JSON notification of Amazon SES.
fn notification(document: &Document, reading: &mut Reading) -> bool {
    let Some(found) = notification::notification(&document.notification) else { return false };
    if let Some(complaint) = found.complaint {
        let feedback = complaint.complaint_feedback_type.unwrap_or_else(|| "abuse".into());
        reading.failures = complaint
            .complained_recipients
            .into_iter()
            .map(|it| Failure {
                kind: IncomingKind::Complaint,
                recipient: Some(it.email_address),
                reply: None,
                status: None,
                diagnostic: feedback.clone(),
                server: None,
            })
            .collect();
    } else if let Some(bounce) = found.bounce {
        for it in bounce.bounced_recipients {
            let diagnostic = it.diagnostic_code.unwrap_or_default();
            let verdict = verdict(&Evidence {
                is_delayed: it.action.is_some_and(|it| it.eq_ignore_ascii_case("delayed")),
                status: it.status.as_deref().and_then(codes::status_field),
                diagnostic: &diagnostic,
                recipient: Some(&it.email_address),
                ..Evidence::default()
            });
            reading.failures.push(Failure {
                kind: verdict.kind,
                recipient: Some(it.email_address),
                reply: verdict.codes.reply,
                status: verdict.codes.enhanced,
                diagnostic: one_line(&diagnostic),
                server: None,
            });
        }
    } else if found.kind.eq_ignore_ascii_case("delivery") {
        reading.failures.push(Failure {
            kind: IncomingKind::Delivered,
            recipient: None,
            reply: None,
            status: None,
            diagnostic: String::new(),
            server: None,
        });
    }
    !reading.failures.is_empty()
}

/// Reads a report in prose.
fn prose(message: &Message<'_>, document: &Document, reading: &mut Reading) -> bool {
    if document.is_receipt || !automatic::is_report(message, document) {
        return false;
    }
    let failed: Vec<String> = header(message, "X-Failed-Recipients")
        .map(|it| plain::addresses(&it).map(str::to_owned).collect())
        .unwrap_or_default();
    let mut own = document::recipients(message);
    own.push(reading.sender.clone());
    if let Some(wrapped) = &document.wrapped
        && delivery_report(wrapped, reading)
    {
        return true;
    }
    let is_delayed = automatic::is_delay(message, document);
    let failures = plain::failures(&document.notification, &failed, &own);
    let is_about_one = failures.len() == 1;
    for found in failures {
        let stage = stage::stage(&found.diagnostic).or_else(|| stage::stage(&document.notification));
        let verdict = verdict(&Evidence {
            is_delayed,
            diagnostic: &found.diagnostic,
            stage,
            recipient: found.recipient.as_deref(),
            notification: if is_about_one { &document.notification } else { "" },
            ..Evidence::default()
        });
        reading.failures.push(Failure {
            kind: verdict.kind,
            recipient: found.recipient,
            reply: verdict.codes.reply,
            status: verdict.codes.enhanced,
            diagnostic: one_line(&found.diagnostic),
            server: None,
        });
    }
    true
}

/// Returns the SHA-256 of a message in hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(Answer::MAX_TEXT_CHARS).collect()
}

/// Drops the `From ` line that mailbox files put before a message.
fn without_mbox_line(bytes: &[u8]) -> &[u8] {
    if !bytes.starts_with(b"From ") {
        return bytes;
    }
    memchr::memchr(b'\n', bytes).map_or(bytes, |at| &bytes[at + 1..])
}

fn count(bytes: &[u8], word: &[u8]) -> usize {
    let lower = bytes.to_ascii_lowercase();
    memchr::memmem::find_iter(&lower, word).count()
}

#[cfg(test)]
mod tests;
