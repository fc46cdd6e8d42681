//! Requests to unsubscribe by email.

use super::document::{Document, header};
use crate::domain::token::TOKEN_CHARS;
use mail_parser::Message;

/// Characters of a body that are searched.
const MAX_BODY_CHARS: usize = 10_000;

/// Whether a message asks to unsubscribe: subject or first line begin with the word, or Apple Mail's button
/// sent it. Messages of other programs don't ask.
pub fn is_request(message: &Message<'_>, document: &Document) -> bool {
    let is_apple = header(message, "X-Apple-Unsubscribe").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    if is_automatic(message) && !is_apple {
        return false;
    }
    let body = document.notification.as_str();
    let first_line = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    is_apple || asks_to_unsubscribe(message.subject().unwrap_or_default()) || asks_to_unsubscribe(first_line)
}

/// Returns the tokens in subject and body.
pub fn tokens(message: &Message<'_>, document: &Document) -> Vec<String> {
    let body: String =
        document.notification.chars().chain(document.returned.chars()).take(MAX_BODY_CHARS).collect();
    tokens_in(message.subject().unwrap_or_default()).chain(tokens_in(&body)).collect()
}

fn is_automatic(message: &Message<'_>) -> bool {
    header(message, "Auto-Submitted").is_some_and(|it| !it.trim().eq_ignore_ascii_case("no"))
}

/// Returns whether a line begins with the word, after the prefixes of replies.
fn asks_to_unsubscribe(line: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.find(|word| !["re", "aw", "fwd", "fw", "wg"].contains(&word.to_lowercase().as_str()));
    first.is_some_and(|word| word.eq_ignore_ascii_case("unsubscribe"))
}

/// Returns the words that look like tokens.
pub fn tokens_in(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(move |c| !is_part(c)).filter(|word| word.len() == TOKEN_CHARS).map(str::to_owned)
}
