//! Writing single headers: folded (RFC 5322 section 2.2.3), in ASCII, with encoded-words where the text has more (RFC 2047).

use crate::domain::email_address::EmailAddress;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Longest line, unless one word is longer (RFC 5322 section 2.1.1).
const WIDTH: usize = 78;
/// Longest line that holds an encoded-word (RFC 2047 section 2).
const ENCODED_WIDTH: usize = 76;
/// Longest word that is not encoded: beside the longest name of ours it fits on a line.
const LONGEST_WORD: usize = 60;
/// What an encoded-word begins and ends with.
const ENCODED: (&str, &str) = ("=?utf-8?B?", "?=");

/// Writes a header of free text, such as a subject. Control characters become spaces.
pub(super) fn text(out: &mut String, name: &str, value: &str) {
    let value = one_line(value);
    let plain = value.is_empty() || is_plain(&value, |_| true);
    let words =
        if plain { value.split(' ').map(str::to_owned).collect() } else { encoded(&value, name.len() + 2) };
    folded(out, name, &words);
}

/// Writes a header with one address and, if it is not empty, the name before it.
pub(super) fn mailbox(out: &mut String, header: &str, name: &str, address: &EmailAddress) {
    let name = one_line(name);
    let is_graphic = |text: &str| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let mut words: Vec<String> = match name.as_str() {
        "" => return folded(out, header, &[address.to_string()]),
        plain if is_plain(plain, is_atext) => plain.split(' ').map(str::to_owned).collect(),
        short if short.len() <= LONGEST_WORD / 2 && is_graphic(short) && !short.contains("=?") => {
            vec![format!("\"{}\"", short.replace('\\', "\\\\").replace('"', "\\\""))]
        }
        other => encoded(other, header.len() + 2),
    };
    words.push(format!("<{address}>"));
    folded(out, header, &words);
}

/// A header in the relaxed form that DKIM signs (RFC 6376 section 3.4.2), its line break included.
pub(super) fn relaxed(header: &str) -> String {
    let (name, value) = header.split_once(':').unwrap_or((header, ""));
    let words: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}\r\n", name.trim_end().to_ascii_lowercase(), words.join(" "))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a text can stand as it is: words of ASCII, not too long, one space between them, nothing like an encoded-word.
fn is_plain(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.contains("=?")
        && text.split(' ').all(|word| {
            (1..=LONGEST_WORD).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_graphic() && allowed(byte))
        })
}

/// What a name may consist of without quotes (RFC 5322 section 3.2.3).
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// A text as encoded-words, each at most as long as a line has room for; no character is split. `used`: what stands before
/// the first one on its line.
fn encoded(text: &str, used: usize) -> Vec<String> {
    // Every four characters of base64 are three bytes.
    let room = |used: usize| (ENCODED_WIDTH - used - ENCODED.0.len() - ENCODED.1.len()) / 4 * 3;
    let word = |chunk: &str| format!("{}{}{}", ENCODED.0, STANDARD.encode(chunk), ENCODED.1);
    let mut words = Vec::new();
    let mut chunk = String::new();
    let mut left = room(used);
    for char in text.chars() {
        if chunk.len() + char.len_utf8() > left {
            words.push(word(&chunk));
            chunk.clear();
            left = room(1);
        }
        chunk.push(char);
    }
    words.push(word(&chunk));
    words
}

/// Writes a header whose words may stand on lines of their own.
fn folded(out: &mut String, name: &str, words: &[String]) {
    out.push_str(name);
    out.push(':');
    let mut column = name.len() + 1;
    for (index, word) in words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
        let limit = if word.starts_with("=?") || (index > 0 && words[index - 1].starts_with("=?")) {
            ENCODED_WIDTH
        } else {
            WIDTH
        };
        if index > 0 && column + 1 + word.len() > limit {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    fn address() -> EmailAddress {
        EmailAddress::parse("news@example.org").unwrap()
    }

    fn from(name: &str) -> String {
        let mut out = String::new();
        mailbox(&mut out, "From", name, &address());
        out
    }

    fn subject(value: &str) -> String {
        let mut out = String::new();
        text(&mut out, "Subject", value);
        out
    }

    #[test]
    fn plain_words_stay_and_others_are_quoted_or_encoded() {
        assert_eq!(from("The Daily"), "From: The Daily <news@example.org>\r\n");
        assert_eq!(from("J. \"Q\" \\ Lamp"), "From: \"J. \\\"Q\\\" \\\\ Lamp\" <news@example.org>\r\n");
        assert_eq!(from(""), "From: news@example.org\r\n");
        assert_eq!(from("Zoë"), "From: =?utf-8?B?Wm/Dqw==?= <news@example.org>\r\n");
        assert_eq!(subject("Plain, isn't it?"), "Subject: Plain, isn't it?\r\n");
        assert_eq!(subject(""), "Subject:\r\n");
        assert!(subject("=?utf-8?B?Wm/Dqw==?=").contains("PT91dGYt"), "not taken for an encoded-word");
    }

    #[test]
    fn the_relaxed_form_is_that_of_the_rfc() {
        assert_eq!(relaxed("SubJect :\t Two  words \r\n\tmore \r\n"), "subject:Two words more\r\n");
        assert_eq!(relaxed("Subject:\r\n"), "subject:\r\n");
    }

    fn assert_lines(header: &str) {
        assert!(header.is_ascii() && header.ends_with("\r\n"));
        let body = header.trim_end_matches("\r\n");
        assert!(!body.replace("\r\n ", " ").contains(['\r', '\n']));
        for line in body.split("\r\n") {
            assert!(line.len() <= if line.contains("=?utf-8?B?") { 76 } else { 78 }, "{line}");
            assert!(!line.trim().is_empty() && line.trim_end() == line, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn readers_see_the_subject_that_was_written(value in "[^\\p{Cc}\\s]([a-z =?é🎉]|[^\\p{Cc}]){0,120}[^\\p{Cc}\\s]") {
            let header = subject(&value);
            assert_lines(&header);
            let message = format!("{header}\r\n");
            let message = MessageParser::default().parse(message.as_bytes()).unwrap();
            prop_assert_eq!(message.subject(), Some(value.as_str()));
        }

        #[test]
        fn readers_see_the_senders_name(name in "[^\\p{Cc}\\s]([a-z =?.\"\\\\é]|[^\\p{Cc}]){0,98}[^\\p{Cc}\\s]") {
            let header = from(&name);
            assert_lines(&header);
            let message = format!("{header}\r\n");
            let message = MessageParser::default().parse(message.as_bytes()).unwrap();
            let sender = message.from().unwrap().first().unwrap();
            prop_assert_eq!(sender.name(), Some(name.as_str()));
            prop_assert_eq!(sender.address(), Some("news@example.org"));
        }

        #[test]
        fn whatever_is_written_is_one_header(value in "(?s).{0,200}") {
            assert_lines(&subject(&value));
            assert_lines(&from(&value));
            prop_assert_eq!(relaxed(&subject(&value)).matches("\r\n").count(), 1);
            prop_assert_eq!(relaxed(&from(&value)).matches("\r\n").count(), 1);
        }
    }
}
