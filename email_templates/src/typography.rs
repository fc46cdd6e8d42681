//! Line breaks of headlines, and full stops.

use maud::{Markup, html};

/// Most characters of two words that stay together at the end of a headline.
const LAST_WORDS_MAX_CHARS: usize = 10;
/// Fewest words of a headline whose last two stay together.
const MIN_WORDS: usize = 4;
/// Most characters of a range of numbers that stays on one line.
const RANGE_MAX_CHARS: usize = 16;

/// Renders a headline so that it breaks well: ranges of numbers such as "7–2" stay on one line, and so do two
/// short words at its end.
pub(crate) fn headline_markup(text: &str) -> Markup {
    let words: Vec<&str> = text.split(' ').collect();
    let is_joined = words.len() >= MIN_WORDS
        && words.iter().rev().take(2).map(|word| word.chars().count()).sum::<usize>() < LAST_WORDS_MAX_CHARS;
    let last = words.len() - 1;
    html! {
        @for (index, word) in words.iter().enumerate() {
            @if index > 0 { @if is_joined && index == last { "\u{a0}" } @else { " " } }
            @if is_number_range(word) { span style="white-space:nowrap;" { (word) } } @else { (word) }
        }
    }
}

/// Renders a text whose words with a number and a hyphen, such as "3-minute", stay on one line.
pub(crate) fn unbroken(text: &str) -> Markup {
    html! {
        @for (index, word) in text.split(' ').enumerate() {
            @if index > 0 { " " }
            @if word.contains('-') && word.starts_with(|c: char| c.is_ascii_digit()) {
                span style="white-space:nowrap;" { (word) }
            } @else {
                (word)
            }
        }
    }
}

/// "7–2", "1939-45", "(3:1)"
fn is_number_range(word: &str) -> bool {
    let parts = word.split(['-', '–', '—', ':', '/']);
    word.chars().count() <= RANGE_MAX_CHARS
        && parts.clone().count() > 1
        && parts.into_iter().all(|part| part.chars().any(|c| c.is_ascii_digit()))
}

/// Ends a text with a full stop, unless it ends in punctuation or a sign of its own. Scripts without spaces
/// have their own full stop.
pub fn with_full_stop(text: &str) -> String {
    match text.chars().next_back() {
        Some(c) if is_east_asian(c) => format!("{text}。"),
        Some(c) if c.is_alphanumeric() => format!("{text}."),
        _ => text.to_owned(),
    }
}

/// Kana and Han.
fn is_east_asian(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Shortens a text to at most `max_chars` characters, at the end of a sentence if one ends beyond the first
/// third.
pub fn first_sentences(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let head: String = text.chars().take(max_chars + 1).collect();
    let end = head
        .char_indices()
        .filter(|(at, c)| match c {
            '。' | '！' | '？' => true,
            // A capital letter follows, so that "1.40" and "Dr." in most places don't end a sentence.
            '.' | '!' | '?' | '…' | '؟' => {
                let mut after = head[at + c.len_utf8()..].chars();
                after.next() == Some(' ') && after.next().is_none_or(|next| !next.is_lowercase())
            }
            _ => false,
        })
        .map(|(at, c)| at + c.len_utf8())
        .rfind(|end| *end * 3 >= head.len());
    end.map_or_else(|| crate::wording::shorten(text, max_chars), |end| head[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_ranges_and_short_last_words_stay_on_one_line() {
        let html = |text| headline_markup(text).into_string();
        assert_eq!(
            html("Back, after a 7–2 vote"),
            "Back, after a <span style=\"white-space:nowrap;\">7–2</span>\u{a0}vote"
        );
        assert_eq!(html("See where, block by block"), "See where, block by\u{a0}block");
        assert_eq!(html("The ferry comes back tomorrow"), "The ferry comes back tomorrow");
        assert_eq!(html("Three more words"), "Three more words");
        assert_eq!(html("<b> & co"), "&lt;b&gt; &amp; co");
        assert_eq!(html(""), "");
    }

    #[test]
    fn a_full_stop_is_added_where_none_is() {
        for (text, expected) in [
            ("A cat", "A cat."),
            ("A cat?", "A cat?"),
            ("“A cat”", "“A cat”"),
            ("灯台", "灯台。"),
            ("🎉", "🎉"),
            ("", ""),
        ] {
            assert_eq!(with_full_stop(text), expected);
        }
    }

    #[test]
    fn a_long_dek_ends_with_a_sentence() {
        let dek = "The last boat leaves at 1.40 am from March. A single fare stays at two pounds eighty.";
        assert_eq!(first_sentences(dek, 60), "The last boat leaves at 1.40 am from March.");
        assert_eq!(first_sentences(dek, 200), dek);
        assert_eq!(first_sentences("one two three four five", 15), "one two three…");
    }
}
