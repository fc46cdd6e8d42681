//! Repairs common mistakes in JSON, so that a strict parser accepts it.

use crate::content::budget;
use std::fmt::Write as _;

/// Repairs extra or missing commas, comments, raw control characters and invalid escapes in strings, text
/// after the end, and a missing end.
pub fn mended(text: &str) -> String {
    let mut mender = Mender::default();
    let mut chars = text.chars().peekable();
    budget::count(text.len());
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            '/' if chars.peek() == Some(&'*') => {
                let mut star = false;
                chars.next();
                for c in chars.by_ref() {
                    if star && c == '/' {
                        break;
                    }
                    star = c == '*';
                }
            }
            '"' | '\'' => {
                let mut string = String::from('"');
                read_string(&mut chars, c, &mut string);
                mender.value(&string);
            }
            ',' => mender.comma = true,
            ':' => mender.colon(),
            '{' | '[' => mender.begin(c),
            '}' | ']' => {
                mender.end(c);
                if mender.open.is_empty() {
                    break;
                }
            }
            c if c.is_whitespace() || c.is_control() => {}
            c => {
                let mut word = String::from(c);
                while let Some(c) =
                    chars.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
                {
                    word.push(c);
                }
                let is_json = serde_json::from_str::<serde_json::Value>(&word).is_ok();
                if mender.expects_name() {
                    mender.value(&serde_json::Value::from(word).to_string());
                } else {
                    mender.value(if is_json { &word } else { "null" });
                }
            }
        }
    }
    mender.finish()
}

/// Reads a string up to its closing quotation mark. Adds the mark if it is missing.
fn read_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char, string: &mut String) {
    while let Some(c) = chars.next() {
        match c {
            c if c == quote && ends_string(chars) => break,
            '"' => string.push_str("\\\""),
            '\\' => match chars.next() {
                Some('u') => {
                    let digits: String =
                        (0..4).map_while(|_| chars.next_if(char::is_ascii_hexdigit)).collect();
                    // Surrogates are kept for the parser if both halves are there.
                    let code = u32::from_str_radix(&digits, 16).unwrap_or(0xfffd);
                    let is_high = (0xd800..0xdc00).contains(&code);
                    let before = string.len().checked_sub(6).and_then(|at| string.get(at..));
                    let low = before.is_some_and(|before| before.starts_with("\\ud"));
                    match code {
                        _ if digits.len() < 4 => string.push('\u{fffd}'),
                        0xdc00..0xe000 if !low => string.push_str("\\ufffd"),
                        _ if is_high && !followed_by_low(chars) => string.push_str("\\ufffd"),
                        // Writing to a String can't fail.
                        _ => {
                            let _ = write!(string, "\\u{code:04x}");
                        }
                    }
                }
                Some(c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => string.extend(['\\', c]),
                Some(c) if !c.is_control() => string.push(c),
                _ => {}
            },
            '\n' => string.push_str("\\n"),
            '\t' => string.push_str("\\t"),
            c if c < ' ' => {}
            c => string.push(c),
        }
    }
    string.push('"');
}

/// Returns whether a quotation mark ends the string, by the character that follows it. Otherwise somebody forgot
/// to escape it.
fn ends_string(chars: &std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    const MAX_SPACE: usize = 200;
    let next = chars.clone().take(MAX_SPACE).find(|c| !c.is_whitespace());
    next.is_none_or(|c| matches!(c, ',' | ':' | '}' | ']' | '"' | '\'' | '{' | '[' | '/'))
}

fn followed_by_low(chars: &std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut ahead = chars.clone();
    let escape: String = ahead.by_ref().take(3).collect();
    let digit = ahead.next();
    escape.eq_ignore_ascii_case("\\ud") && digit.is_some_and(|c| matches!(c, 'c'..='f' | 'C'..='F'))
}

#[derive(Default)]
struct Mender {
    json: String,
    open: Vec<char>,
    /// Whether the last token was a comma.
    comma: bool,
    /// Whether the next value needs a comma before it.
    needs_comma: bool,
    /// Whether the last token is the name of a member without a value yet.
    after_name: bool,
    after_colon: bool,
}

impl Mender {
    fn separate(&mut self) {
        if self.after_name {
            // A name without a colon.
            self.json.push(':');
        } else if self.needs_comma && !self.after_colon {
            self.json.push(',');
        }
        self.comma = false;
        self.after_colon = false;
    }

    fn expects_name(&self) -> bool {
        self.open.last() == Some(&'{') && !self.after_name && !self.after_colon
    }

    fn value(&mut self, value: &str) {
        let is_name = self.expects_name();
        self.separate();
        self.json.push_str(value);
        self.after_name = is_name;
        self.needs_comma = !is_name;
    }

    fn colon(&mut self) {
        if self.after_name {
            self.json.push(':');
            self.after_name = false;
            self.after_colon = true;
        }
    }

    fn begin(&mut self, c: char) {
        if self.expects_name() {
            self.value("\"\"");
        }
        self.separate();
        self.json.push(c);
        self.open.push(c);
        self.after_name = false;
        self.needs_comma = false;
    }

    fn end(&mut self, c: char) {
        let begin = if c == '}' { '{' } else { '[' };
        if !self.open.contains(&begin) {
            return;
        }
        while let Some(open) = self.open.pop() {
            self.complete();
            self.json.push(if open == '{' { '}' } else { ']' });
            self.needs_comma = true;
            if open == begin {
                break;
            }
        }
    }

    /// Adds a value to a member that has none.
    fn complete(&mut self) {
        if self.after_name {
            self.json.push(':');
        }
        if self.after_name || self.after_colon {
            self.json.push_str("null");
        }
        self.comma = false;
        self.after_name = false;
        self.after_colon = false;
    }

    fn finish(mut self) -> String {
        while let Some(open) = self.open.pop() {
            self.complete();
            self.json.push(if open == '{' { '}' } else { ']' });
        }
        self.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn slips_are_mended() {
        let wanted = json!({"a": [1, {"b": "x"}], "c": "d"});
        for text in [
            r#"{"a": [1, {"b": "x",},], "c": "d",}"#,
            r#"{"a": [1 {"b": "x"}] "c": "d"}"#,
            "{\"a\": [1, // one\n {\"b\": /* two */ \"x\"}], \"c\": \"d\"} and more",
            r#"{"a": [1, {"b": "x"}], "c": "d"#,
            r#"{"a": [1, {"b": "x"], "c": "d"}"#,
            r#"{"a": [,1,, {"b": "x"}], "c": "d"}}"#,
            r#"{a: [1, {b: "x"}], c: "d"}"#,
        ] {
            let mended = mended(text);
            assert_eq!(
                serde_json::from_str::<Value>(&mended).ok().as_ref(),
                Some(&wanted),
                "{text}: {mended}"
            );
        }
    }

    #[test]
    fn strings_keep_what_they_hold() {
        for (text, wanted) in [
            ("{\"a\": \"x\ny\tz\u{1}\"}", "x\ny\tz"),
            (r#"{"a": "it\'s \d \q"}"#, "it's d q"),
            (r#"{"a": "\ud83d\ude00 \ud83d \ude00 \u00e9 \u12"}"#, "😀 \u{fffd} \u{fffd} é \u{fffd}"),
            (r#"{"a": "https://x/\/y // z"}"#, "https://x//y // z"),
        ] {
            let mended = mended(text);
            assert_eq!(serde_json::from_str::<Value>(&mended).unwrap()["a"], wanted, "{mended}");
        }
    }

    #[test]
    fn a_cut_end_is_completed() {
        let whole = r#"{"a": [1, {"b": "x\u00e9", "c": true}], "d": {}}"#;
        for end in 1..whole.len() {
            let mended = mended(&whole[..end]);
            assert!(serde_json::from_str::<Value>(&mended).is_ok(), "{}: {mended}", &whole[..end]);
        }
    }

    proptest! {
        #[test]
        fn anything_with_braces_becomes_json(text in r#"[{}\[\]",:a1\\/ ]{0,40}"#) {
            let text = format!("{{{text}");
            let mended = mended(&text);
            prop_assert!(serde_json::from_str::<Value>(&mended).is_ok(), "{} {}", text, mended);
        }
    }
}
