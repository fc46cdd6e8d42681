//! `daily bounce`: takes mail that comes in. A mail server pipes it one message at a time.

use crate::{
    actions::subscription::unsubscribe::{self, Leaving},
    app::App,
    cli::{CliResult, output::Output},
    db::subscribers::Evidence,
    domain::{
        subscriber::{email_address::EmailAddress, unsubscribe_address::LeavingAddress},
        token::TOKEN_CHARS,
    },
};
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders as _};
use serde_json::json;
use std::io::Read as _;

/// Bytes of a message that are looked at. What asks to leave is short; of a longer one the beginning is enough.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Characters of a body that are looked at.
const MAX_BODY_CHARS: usize = 10_000;
/// Most tokens of a message that are tried.
const MAX_TOKENS: usize = 16;

/// The exit code that asks a mail server to try again later (EX_TEMPFAIL of sysexits.h).
pub const TRY_AGAIN: u8 = 75;

/// Take a message that came in, from standard input: who writes to leave leaves
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily bounce < message.eml\n  \
    daily bounce --recipient \"$ORIGINAL_RECIPIENT\"     from a mail server; docs/leaving.md says how\n\n\
    Exit codes: 0 handled, or nothing to do (standard error says what it was); 75 try again later.")]
pub struct Bounce {
    /// The address the message was sent to, if the mail server knows it better than the headers do
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
}

/// What a message is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// It asks to leave, with these tokens.
    Leave(Vec<String>),
    /// It is something else, in words for whoever reads the mail server's log.
    Other(&'static str),
}

impl Bounce {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        let bytes = tokio::task::spawn_blocking(read_message).await??;
        let pattern = app.settings.sending.unsubscribe_mailto.as_ref();
        let Some(message) = MessageParser::default().parse(&bytes) else {
            return told(output, None, "no message", "it was not a message: nothing was done");
        };
        let tokens = match kind(&message, self.recipient.as_deref(), pattern) {
            Kind::Leave(tokens) => tokens,
            Kind::Other(what) => {
                return told(output, Some(&message), what, "nothing in it asks to leave: nothing was done");
            }
        };
        for token in tokens.iter().take(MAX_TOKENS) {
            match unsubscribe::unsubscribe(&app.subscription, token, "mail", &Evidence::default()).await? {
                Leaving::Unknown => {}
                Leaving::Test => {
                    return told(
                        output,
                        Some(&message),
                        "leave",
                        "the link is that of a test: nothing was done",
                    );
                }
                Leaving::Subscribed { newsletter, .. } | Leaving::Gone { newsletter, .. } => {
                    let did = format!("the reader has left `{}`", newsletter.newsletter.slug);
                    return told(output, Some(&message), "leave", &did);
                }
            }
        }
        let what = "it asks to leave, but not with a token of ours: nobody was unsubscribed. Find the reader with \
                    `daily subscriber show ADDRESS`";
        told(output, Some(&message), "leave without token", what)
    }
}

fn read_message() -> std::io::Result<Vec<u8>> {
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    input.by_ref().take(MAX_BYTES).read_to_end(&mut bytes)?;
    // The rest of a long one is read, too: a mail server whose pipe breaks takes it for a failure.
    std::io::copy(&mut input, &mut std::io::sink())?;
    Ok(bytes)
}

/// Says what a message was and what came of it: on standard error, where mail servers take their log from; with `--json` as a record.
fn told(output: Output, message: Option<&Message<'_>>, kind: &str, did: &str) -> CliResult {
    let id = message.and_then(Message::message_id).unwrap_or("-").escape_debug().to_string();
    let sender = message.and_then(Message::from).and_then(Address::first).and_then(|it| it.address());
    let sender = sender.and_then(|it| EmailAddress::parse(it).ok()).map_or("-".into(), |it| it.masked());
    if output.json {
        let record = json!({ "kind": kind, "message_id": id, "from": sender, "did": did });
        output.record(&record, String::new)?;
    } else {
        eprintln!("daily: {kind} <{id}> from {sender}: {did}");
    }
    Ok(())
}

/// What a message is. A token in the address it was sent to is enough. In subject and body one counts only below the word
/// *unsubscribe*: replies and reports quote our mails, and those hold their reader's link.
fn kind(message: &Message<'_>, recipient: Option<&str>, pattern: Option<&LeavingAddress>) -> Kind {
    let content = message.content_type();
    if content.is_some_and(|it| it.ctype() == "multipart" && it.subtype() == Some("report")) {
        return match content.and_then(|it| it.attribute("report-type")) {
            Some(kind) if kind.eq_ignore_ascii_case("feedback-report") => Kind::Other("complaint"),
            _ => Kind::Other("report of delivery"),
        };
    }
    if let Some(pattern) = pattern {
        let addresses = recipient.map(str::to_owned).into_iter().chain(recipients(message));
        let tokens: Vec<String> =
            addresses.filter_map(|it| pattern.token_in(&it).map(str::to_owned)).collect();
        if !tokens.is_empty() {
            // An address may have lost its capital letters on the way; then the subject has the token.
            return Kind::Leave(
                tokens.into_iter().chain(tokens_in(message.subject().unwrap_or_default())).collect(),
            );
        }
    }
    let is_automatic = message
        .header("Auto-Submitted")
        .and_then(HeaderValue::as_text)
        .is_some_and(|it| !it.trim().eq_ignore_ascii_case("no"));
    if is_automatic {
        return Kind::Other("automatic answer");
    }
    let subject = message.subject().unwrap_or_default();
    let body = message.body_text(0).unwrap_or_default();
    let body: String = body.chars().take(MAX_BODY_CHARS).collect();
    let first_line = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if asks_to_leave(subject) || asks_to_leave(first_line) {
        return Kind::Leave(tokens_in(subject).chain(tokens_in(&body)).collect());
    }
    Kind::Other("message")
}

/// Whether a line begins with the word, whatever comes before it when a mail is answered.
fn asks_to_leave(line: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.find(|word| !["re", "aw", "fwd", "fw", "wg"].contains(&word.to_lowercase().as_str()));
    first.is_some_and(|word| word.eq_ignore_ascii_case("unsubscribe"))
}

/// Words that have the form of a token.
fn tokens_in(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(move |c| !is_part(c)).filter(|word| word.len() == TOKEN_CHARS).map(str::to_owned)
}

/// The addresses a message was sent to, as its headers tell.
fn recipients(message: &Message<'_>) -> Vec<String> {
    const ADDED_ON_THE_WAY: [&str; 4] = ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];
    let mut found = Vec::new();
    for header in message.headers() {
        let name = header.name();
        let counts = matches!(header.name, HeaderName::To | HeaderName::Cc)
            || ADDED_ON_THE_WAY.iter().any(|it| name.eq_ignore_ascii_case(it));
        match header.value() {
            HeaderValue::Address(addresses) if counts => {
                found.extend(addresses.iter().filter_map(|it| it.address().map(str::to_owned)));
            }
            HeaderValue::Text(text) if counts => {
                found.push(text.trim().trim_start_matches('<').trim_end_matches('>').to_owned());
            }
            _ => {}
        }
    }
    found.truncate(100);
    found
}
