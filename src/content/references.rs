//! Character references in XML: predefined, numeric, and declared in the document.

use crate::content::budget;
use std::{borrow::Cow, collections::HashMap};

/// Longest replacement, in characters. Without a limit, entities that double each other would exhaust memory.
const MAX_ENTITY_CHARS: usize = 200;
const MAX_ENTITIES: usize = 500;
/// Longest reference, in bytes.
const LONGEST_REFERENCE: usize = 40;

/// The entities that a document declares.
pub type Entities<'a> = HashMap<&'a str, &'a str>;

/// Replaces the references in a text. HTML's references stay, because the result is parsed as HTML later.
/// Text that only looks like a reference stays too.
pub fn resolve<'a>(text: &'a str, entities: &Entities<'_>) -> Cow<'a, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    budget::count(text.len());
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        resolved.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';');
        let Some(end) = end else {
            resolved.push('&');
            rest = &rest[1..];
            continue;
        };
        let name = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some((c, behind)) = of_number(name, rest) {
            resolved.push(c);
            rest = behind;
        } else if let Some(c) = predefined(name) {
            resolved.push(c);
        } else if let Some(text) = entities.get(name) {
            resolved.push_str(text);
        } else {
            // The text up to the semicolon may contain references itself.
            resolved.push('&');
            rest = &text[text.len() - rest.len() - name.len() - 1..];
        }
    }
    resolved.push_str(rest);
    Cow::Owned(resolved)
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// Returns the character for a numeric reference ("#233", "#xe9") and the text after it. Two surrogates form
/// one character, and an invalid number gives U+FFFD.
fn of_number<'a>(name: &str, behind: &'a str) -> Option<(char, &'a str)> {
    let number = code(name)?;
    if (0xd800..0xdc00).contains(&number)
        && let Some((second, rest)) = behind.strip_prefix('&').and_then(short_reference)
        && let Some(low) = code(second)
        && (0xdc00..0xe000).contains(&low)
    {
        let both = 0x10000 + ((number - 0xd800) << 10) + (low - 0xdc00);
        return Some((char::from_u32(both).unwrap_or('\u{fffd}'), rest));
    }
    Some((character(number), behind))
}

/// Splits at the next semicolon, if it is close enough.
fn short_reference(rest: &str) -> Option<(&str, &str)> {
    let end = rest.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';')?;
    budget::count(end);
    Some((&rest[..end], &rest[end + 1..]))
}

fn code(name: &str) -> Option<u32> {
    let number = name.strip_prefix('#')?;
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    is_number.then(|| u32::from_str_radix(digits, radix).unwrap_or(u32::MAX))
}

/// Returns the character with this number. Like browsers, reads numbers of control characters as
/// Windows-1252.
pub fn character(code: u32) -> char {
    match u8::try_from(code) {
        Ok(0) => '\u{fffd}',
        Ok(byte @ 0x80..=0x9f) => {
            encoding_rs::WINDOWS_1252.decode(&[byte]).0.chars().next().unwrap_or('\u{fffd}')
        }
        _ => char::from_u32(code).unwrap_or('\u{fffd}'),
    }
}

/// Returns the entities in a document type declaration, except those that refer to other entities or files.
pub fn declared(doctype: &str) -> Entities<'_> {
    let mut entities = HashMap::new();
    for declaration in doctype.split("<!ENTITY").skip(1).take(MAX_ENTITIES) {
        let declaration = declaration.trim_start();
        let Some((name, rest)) = declaration.split_once(char::is_whitespace) else { continue };
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
        let Some((value, _)) = rest[1..].split_once(quote) else { continue };
        if value.chars().count() <= MAX_ENTITY_CHARS && !value.contains(['&', '%', '<']) {
            entities.insert(name, value);
        }
    }
    entities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_bare_ampersands_stay() {
        for (text, resolved) in [
            ("Fish &amp; chips &#8211; caf&#xE9;", "Fish & chips – café"),
            ("it&#146;s &#x93;it&#148;", "it’s “it”"),
            ("a?b=1&copy=2&c;d & e", "a?b=1&copy=2&c;d & e"),
            ("caf&eacute;&nbsp;", "caf&eacute;&nbsp;"),
            ("&#xD83D;&#xDE00; &#55357;&#56832;", "😀 😀"),
            ("&#xD800; &#99999999; &#; &#0; &#x110000;", "\u{fffd} \u{fffd} &#; \u{fffd} \u{fffd}"),
            ("a && b &&amp; &", "a && b && &"),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(resolve(text, &Entities::new()), resolved, "{text}");
        }
    }

    #[test]
    fn a_documents_own_entities_are_replaced_unless_they_are_bombs() {
        let entities =
            declared("feed [<!ENTITY ship 'MS Ann'> <!ENTITY a '&b;&b;'> <!ENTITY x SYSTEM 'file:///x'>]");
        assert_eq!(resolve("&ship; &a; &x;", &entities), "MS Ann &a; &x;");
    }
}
