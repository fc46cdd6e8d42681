//! `daily receive` processes incoming email. A mail server pipes it in, one message at a time.

use crate::{
    actions::subscription::unsubscribe::{self, UnsubscribeLink},
    app::App,
    cli::{CliResult, output::Output},
    db::subscribers::Evidence,
    domain::{
        subscriber::{email_address::EmailAddress, unsubscribe_address::UnsubscribeAddress},
        token::TOKEN_CHARS,
    },
};
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders as _};
use serde_json::json;
use std::io::Read as _;

/// Bytes of a message that are read. Unsubscribe requests are short, so the beginning of a longer message is enough.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Characters of a body that are searched.
const MAX_BODY_CHARS: usize = 10_000;
/// Tokens of a message that are tried at most.
const MAX_TOKENS: usize = 16;

/// The exit code that asks a mail server to try again later (EX_TEMPFAIL of sysexits.h).
pub const TRY_AGAIN: u8 = 75;

/// Process incoming email (unsubscribe requests)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily receive < message.eml\n  \
    daily receive --recipient \"$RECIPIENT\"   from a mail server\n\n\
    Reads one message from standard input. docs/guides/incoming-email.md sets up a mail server.\n\n\
    Exit codes: 0 handled or nothing to do, 75 try again later.")]
pub struct Receive {
    /// Address that the message was delivered to
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
}

/// The kinds of incoming messages.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// An unsubscribe request with these tokens.
    Unsubscribe(Vec<String>),
    /// Anything else, as the mail server's log names it.
    Other(&'static str),
}

impl Receive {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        let bytes = tokio::task::spawn_blocking(read_message).await??;
        let pattern = app.settings.sending.unsubscribe_mailto.as_ref();
        let Some(message) = MessageParser::default().parse(&bytes) else {
            return report(output, None, "no message", "not a message: nothing was done");
        };
        let tokens = match kind(&message, self.recipient.as_deref(), pattern) {
            Kind::Unsubscribe(tokens) => tokens,
            Kind::Other(what) => {
                return report(output, Some(&message), what, "no unsubscribe request: nothing was done");
            }
        };
        for token in tokens.iter().take(MAX_TOKENS) {
            match unsubscribe::unsubscribe(&app.subscription, token, "mail", &Evidence::default()).await? {
                UnsubscribeLink::Unknown => {}
                UnsubscribeLink::Test => {
                    return report(
                        output,
                        Some(&message),
                        "unsubscribe request",
                        "the token is from a test email: nothing was done",
                    );
                }
                UnsubscribeLink::Subscribed { newsletter, .. }
                | UnsubscribeLink::Unsubscribed { newsletter, .. } => {
                    let did = format!("the reader is unsubscribed from `{}`", newsletter.newsletter.slug);
                    return report(output, Some(&message), "unsubscribe request", &did);
                }
            }
        }
        let what = "no valid token: nobody was unsubscribed. Find the reader with \
                    `daily subscriber show ADDRESS`";
        report(output, Some(&message), "unsubscribe request", what)
    }
}

fn read_message() -> std::io::Result<Vec<u8>> {
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    input.by_ref().take(MAX_BYTES).read_to_end(&mut bytes)?;
    // Reads the rest of a long message, because a mail server takes a broken pipe for a failure.
    std::io::copy(&mut input, &mut std::io::sink())?;
    Ok(bytes)
}

/// Reports a message and its result on standard error, which mail servers log; with `--json` as a record.
fn report(output: Output, message: Option<&Message<'_>>, kind: &str, did: &str) -> CliResult {
    let id = message.and_then(Message::message_id).unwrap_or("-").escape_debug().to_string();
    let sender = message.and_then(Message::from).and_then(Address::first).and_then(|it| it.address());
    let sender = sender.and_then(|it| EmailAddress::parse(it).ok()).map_or("-".into(), |it| it.masked());
    if output.json {
        let record = json!({ "kind": kind, "message_id": id, "from": sender, "did": did });
        output.record(&record, String::new)?;
    } else {
        errln!("daily: {kind} <{id}> from {sender}: {did}");
    }
    Ok(())
}

/// Classifies a message. A token in the recipient's address is enough. In subject and body a token counts only with the
/// word *unsubscribe*, because replies and reports quote our emails, which contain their reader's link.
fn kind(message: &Message<'_>, recipient: Option<&str>, pattern: Option<&UnsubscribeAddress>) -> Kind {
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
            // Some mail systems write addresses in lower case, which breaks the token. The subject has it, too.
            return Kind::Unsubscribe(
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
    if asks_to_unsubscribe(subject) || asks_to_unsubscribe(first_line) {
        return Kind::Unsubscribe(tokens_in(subject).chain(tokens_in(&body)).collect());
    }
    Kind::Other("message")
}

/// Returns whether a line begins with the word, after the prefixes of replies.
fn asks_to_unsubscribe(line: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.find(|word| !["re", "aw", "fwd", "fw", "wg"].contains(&word.to_lowercase().as_str()));
    first.is_some_and(|word| word.eq_ignore_ascii_case("unsubscribe"))
}

/// Returns the words that look like tokens.
fn tokens_in(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(move |c| !is_part(c)).filter(|word| word.len() == TOKEN_CHARS).map(str::to_owned)
}

/// Returns the recipients in the headers.
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
