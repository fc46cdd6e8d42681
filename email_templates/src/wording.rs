//! Words that others wrote, made fit for a mail; the direction of a language.

/// The text on one line: control characters gone, every run of white space a single space.
pub(crate) fn tidy(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// [`tidy`], and `None` where nothing is left.
pub(crate) fn tidy_some(text: Option<&str>) -> Option<String> {
    text.map(tidy).filter(|text| !text.is_empty())
}

/// At most `max_chars` characters of the text, ended at a word and marked with an ellipsis where some were left out.
pub(crate) fn shorten(text: &str, max_chars: usize) -> String {
    let text = tidy(text);
    let Some((cut, _)) = text.char_indices().nth(max_chars.saturating_sub(1)) else { return text };
    if text[cut..].chars().nth(1).is_none() {
        return text; // exactly `max_chars`
    }
    let head = &text[..cut];
    // Cut at a word if there is one nearby: scripts without spaces, and very long words, are cut where they stand.
    let at_word = if text[cut..].starts_with(' ') { Some(cut) } else { head.rfind(' ') };
    let head = at_word.filter(|at| *at * 3 >= cut * 2).map_or(head, |at| &text[..at]);
    format!("{}…", head.trim_end_matches([' ', ',', ';', ':', '.', '-', '–', '—']))
}

/// The way a language is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    LeftToRight,
    RightToLeft,
}

impl Direction {
    /// The direction of a BCP 47 tag's language.
    pub(crate) fn of(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match primary.as_str() {
            "ar" | "he" | "iw" | "fa" | "ur" => Self::RightToLeft,
            _ => Self::LeftToRight,
        }
    }

    /// Whether the text has letters, or digits, that run against this direction.
    pub(crate) fn is_crossed_by(self, text: &str) -> bool {
        let from_the_right =
            |c: char| matches!(u32::from(c), 0x590..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFF);
        match self {
            Self::LeftToRight => text.contains(from_the_right),
            Self::RightToLeft => text.contains(|c: char| c.is_alphanumeric() && !from_the_right(c)),
        }
    }

    /// The value of the `dir` attribute.
    pub(crate) fn dir(self) -> &'static str {
        match self {
            Self::LeftToRight => "ltr",
            Self::RightToLeft => "rtl",
        }
    }

    /// The side lines begin at. Old mail clients know `left` and `right` only.
    pub(crate) fn start(self) -> &'static str {
        match self {
            Self::LeftToRight => "left",
            Self::RightToLeft => "right",
        }
    }

    /// The side lines end at.
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
    fn shortened_text_ends_at_a_word_and_says_so() {
        assert_eq!(shorten("short enough", 12), "short enough");
        assert_eq!(shorten("one two three four", 14), "one two three…");
        assert_eq!(shorten("one two, three", 10), "one two…");
        assert_eq!(shorten("日本語の長い見出し", 5), "日本語の…");
        assert_eq!(shorten("", 5), "");
    }

    #[test]
    fn words_of_another_direction_are_recognised() {
        for (text, from_the_left, from_the_right) in
            [("By Ada", false, true), ("ليلى", true, false), ("By ליאה", true, true), ("12 · ", false, true)]
        {
            assert_eq!(Direction::LeftToRight.is_crossed_by(text), from_the_left, "{text}");
            assert_eq!(Direction::RightToLeft.is_crossed_by(text), from_the_right, "{text}");
        }
    }

    #[test]
    fn arabic_hebrew_persian_and_urdu_run_from_the_right() {
        for language in ["ar", "ar-EG", "he", "fa_IR", "UR"] {
            assert_eq!(Direction::of(language), Direction::RightToLeft, "{language}");
        }
        for language in ["en", "de-CH", "arn", ""] {
            assert_eq!(Direction::of(language), Direction::LeftToRight, "{language}");
        }
    }
}
