//! Texts with addresses. Removes from typed addresses what no address contains but keyboards, spreadsheets and web
//! pages add, and masks the addresses that others' texts contain.

use std::borrow::Cow;

/// Returns the address without invisible characters and the white space around it, and with full-width signs
/// (`＠`, `．`, `ａ`) replaced by their ASCII forms.
pub fn tidy_address(text: &str) -> Cow<'_, str> {
    let is_tidy = |c: char| c.is_ascii() || !(is_invisible(c) || full_width(c).is_some());
    if text.chars().all(is_tidy) {
        return Cow::Borrowed(text.trim());
    }
    let tidy: String =
        text.chars().filter(|c| !is_invisible(*c)).map(|c| full_width(c).unwrap_or(c)).collect();
    Cow::Owned(tidy.trim().to_owned())
}

/// Masks every address in a text, such as a relay's answer: `a***@example.org`.
pub fn mask_addresses(text: &str) -> String {
    let is_local = |c: char| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        let local = before.trim_end_matches(is_local).len();
        masked.push_str(&before[..local]);
        if let Some(first) = before[local..].chars().next() {
            masked.push(first);
            masked.push_str("***");
        }
        masked.push('@');
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Returns the ASCII form of a full-width sign, or of an ideographic full stop.
fn full_width(c: char) -> Option<char> {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{3002}' | '\u{ff61}' => Some('.'),
        '\u{3000}' | '\u{a0}' => Some(' '),
        _ => None,
    }
}

/// Returns whether a character has no shape of its own: soft hyphens, joiners, direction marks, byte order
/// marks, variation selectors and tags.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_text_are_masked() {
        for (text, masked) in [
            ("5.1.1 <ann.x+1@example.org>: no such user", "5.1.1 <a***@example.org>: no such user"),
            ("zoë@exämple.org,to=ben@example.net", "z***@exämple.org,t***@example.net"),
            ("@example.org is full", "@example.org is full"),
            ("try again later", "try again later"),
        ] {
            assert_eq!(mask_addresses(text), masked);
        }
    }

    #[test]
    fn invisible_characters_and_full_width_signs_are_tidied() {
        for typed in [
            " ann@example.org ",
            "\u{feff}ann@example.org",
            "ann\u{200b}@exam\u{ad}ple.org\u{200e}",
            "ann＠example．org",
            "ａｎｎ＠ｅｘａｍｐｌｅ。org",
            "\u{a0}ann@example.org\u{3000}",
        ] {
            assert_eq!(tidy_address(typed), "ann@example.org", "{typed:?}");
        }
        assert!(matches!(tidy_address("zoë@exämple.org"), Cow::Borrowed("zoë@exämple.org")));
    }
}
