//! Cleans and shortens untrusted texts, and determines the direction of a language.

/// Puts a text on one line: removes control characters and collapses white space.
pub(crate) fn tidy(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Like [`tidy`], but returns `None` if nothing is left.
pub(crate) fn tidy_some(text: Option<&str>) -> Option<String> {
    text.map(tidy).filter(|text| !text.is_empty())
}

/// Shortens a text to `max_chars` characters. A shortened text ends at a word, with an ellipsis.
pub(crate) fn shorten(text: &str, max_chars: usize) -> String {
    let text = tidy(text);
    let Some((cut, _)) = text.char_indices().nth(max_chars.saturating_sub(1)) else { return text };
    if text[cut..].chars().nth(1).is_none() {
        return text; // exactly `max_chars`
    }
    let head = &text[..cut];
    // Cuts at a word if one ends nearby. Scripts without spaces, and very long words, are cut anywhere.
    let at_word = if text[cut..].starts_with(' ') { Some(cut) } else { head.rfind(' ') };
    let head = at_word.filter(|at| *at * 3 >= cut * 2).map_or(head, |at| &text[..at]);
    format!("{}…", head.trim_end_matches([' ', ',', ';', ':', '.', '-', '–', '—']))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    LeftToRight,
    RightToLeft,
}

impl Direction {
    /// Returns the direction of a language by its tag (BCP 47).
    pub(crate) fn of_language(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match primary.as_str() {
            "ar" | "he" | "iw" | "fa" | "ur" => Self::RightToLeft,
            _ => Self::LeftToRight,
        }
    }

    /// Returns whether the text has letters or digits that run against this direction.
    pub(crate) fn is_crossed_by(self, text: &str) -> bool {
        let is_right_to_left =
            |c: char| matches!(u32::from(c), 0x590..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFF);
        match self {
            Self::LeftToRight => text.contains(is_right_to_left),
            Self::RightToLeft => text.contains(|c: char| c.is_alphanumeric() && !is_right_to_left(c)),
        }
    }

    /// The value of the `dir` attribute.
    pub(crate) fn dir(self) -> &'static str {
        match self {
            Self::LeftToRight => "ltr",
            Self::RightToLeft => "rtl",
        }
    }

    /// The side where lines begin. Old mail clients support `left` and `right` only.
    pub(crate) fn start(self) -> &'static str {
        match self {
            Self::LeftToRight => "left",
            Self::RightToLeft => "right",
        }
    }

    /// The side where lines end.
    pub(crate) fn end(self) -> &'static str {
        match self {
            Self::LeftToRight => "right",
            Self::RightToLeft => "left",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidy_text_is_one_line_without_control_characters() {
        assert_eq!(tidy("  A\r\nBcc: b@example.org\t\u{0}and\u{a0}more "), "A Bcc: b@example.org and more");
        assert_eq!(tidy_some(Some(" \n ")), None);
    }

    #[test]
    fn a_shortened_text_ends_at_a_word_with_an_ellipsis() {
        assert_eq!(shorten("short enough", 12), "short enough");
        assert_eq!(shorten("one two three four", 14), "one two three…");
        assert_eq!(shorten("one two, three", 10), "one two…");
        assert_eq!(shorten("日本語の長い見出し", 5), "日本語の…");
        assert_eq!(shorten("", 5), "");
    }

    #[test]
    fn texts_of_another_direction_are_recognized() {
        for (text, from_the_left, from_the_right) in
            [("By Ada", false, true), ("ليلى", true, false), ("By ליאה", true, true), ("12 · ", false, true)]
        {
            assert_eq!(Direction::LeftToRight.is_crossed_by(text), from_the_left, "{text}");
            assert_eq!(Direction::RightToLeft.is_crossed_by(text), from_the_right, "{text}");
        }
    }

    #[test]
    fn arabic_hebrew_persian_and_urdu_are_right_to_left() {
        for language in ["ar", "ar-EG", "he", "fa_IR", "UR"] {
            assert_eq!(Direction::of_language(language), Direction::RightToLeft, "{language}");
        }
        for language in ["en", "de-CH", "arn", ""] {
            assert_eq!(Direction::of_language(language), Direction::LeftToRight, "{language}");
        }
    }
}
