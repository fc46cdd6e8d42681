//! The plain text part: paragraphs wrapped at 72 columns, rules, links on their own lines.

use crate::Masthead;
use crate::layout::imprint;
use crate::wording::tidy;

pub(crate) const WIDTH_COLUMNS: usize = 72;

/// A builder of a plain text part.
#[derive(Debug, Default)]
pub(crate) struct TextPart {
    lines: Vec<String>,
}

impl TextPart {
    /// Adds wrapped text, each line indented by `indent` spaces. An empty text adds nothing.
    pub(crate) fn paragraph(&mut self, indent: usize, text: &str) -> &mut Self {
        self.hanging(&" ".repeat(indent), text)
    }

    /// Adds wrapped text with a hanging indent: the first line follows `lead`, such as "1. ".
    pub(crate) fn hanging(&mut self, lead: &str, text: &str) -> &mut Self {
        let indent = columns(lead);
        let mut lead = lead.to_owned();
        for line in wrap(text, WIDTH_COLUMNS - indent) {
            self.lines.push(format!("{lead}{line}"));
            lead = " ".repeat(indent);
        }
        self
    }

    /// Adds a text with line breaks. Each line is wrapped, and items of a list get a hanging indent.
    pub(crate) fn lines_of(&mut self, text: &str) -> &mut Self {
        for line in text.lines() {
            let line = tidy(line);
            let item = line.split_once(' ').filter(|(mark, _)| is_list_mark(mark));
            match item {
                Some((mark, rest)) => self.hanging(&format!("{mark} "), rest),
                None if line.is_empty() => self.gap(),
                None => self.paragraph(0, &line),
            };
        }
        self
    }

    /// Adds an underlined heading.
    pub(crate) fn heading(&mut self, text: &str) -> &mut Self {
        self.paragraph(0, text);
        self.lines.push("-".repeat(columns(text).min(WIDTH_COLUMNS)));
        self
    }

    /// Adds a link on its own line, unwrapped.
    pub(crate) fn link(&mut self, indent: usize, url: &str) -> &mut Self {
        self.lines.push(format!("{}{url}", " ".repeat(indent)));
        self
    }

    /// Adds the newsletter's name and tagline.
    pub(crate) fn header(&mut self, masthead: &Masthead<'_>) -> &mut Self {
        self.paragraph(0, &tidy(masthead.title)).paragraph(0, &tidy(masthead.tagline)).rule('=').gap()
    }

    /// Adds the reason for the email, then the publisher.
    pub(crate) fn footer(&mut self, why: &str, masthead: &Masthead<'_>) -> &mut Self {
        self.rule('-').gap().paragraph(0, why).gap().publisher(masthead)
    }

    /// Adds the publisher's own words and postal address.
    pub(crate) fn publisher(&mut self, masthead: &Masthead<'_>) -> &mut Self {
        for line in imprint(masthead) {
            self.paragraph(0, &line);
        }
        self
    }

    /// Adds an empty line, unless the last line is one.
    pub(crate) fn gap(&mut self) -> &mut Self {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
        self
    }

    /// Adds a horizontal line.
    pub(crate) fn rule(&mut self, character: char) -> &mut Self {
        self.lines.push(character.to_string().repeat(WIDTH_COLUMNS));
        self
    }

    pub(crate) fn finish(&mut self) -> String {
        let mut text = self.lines.join("\n").trim_end().to_owned();
        text.push('\n');
        text
    }
}

/// "-", "*", ">", "12."
fn is_list_mark(word: &str) -> bool {
    let number = word.strip_suffix('.').filter(|number| (1..=3).contains(&number.len()));
    matches!(word, "-" | "*" | "•" | ">")
        || number.is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Wraps a text into lines of at most `width` columns. Only a word wider than that is broken, and a URL never
/// is.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    // No-break spaces hold words together, such as « and », or 6 h 30.
    for word in text.split_ascii_whitespace() {
        if used > 0 && used + 1 + columns(word) > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        let may_break = !word.contains("://");
        for c in word.chars() {
            if may_break && used + column_width(c) > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += column_width(c);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Returns the width of a text in columns of a monospaced font.
fn columns(text: &str) -> usize {
    text.chars().map(column_width).sum()
}

/// 2 for East Asian wide characters and emoji, 0 for combining marks, 1 for all others. That is precise
/// enough for wrapping.
fn column_width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036F | 0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F900..=0x1F9FF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_inside_overlong_ones() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert!(wrap("  ", 4).is_empty());
    }

    #[test]
    fn a_web_address_is_never_broken() {
        let url = format!("https://example.org/{}", "a".repeat(80));
        assert_eq!(wrap(&format!("see {url} there"), 20), ["see", url.as_str(), "there"]);
    }

    #[test]
    fn a_text_of_several_lines_keeps_its_paragraphs_and_lists() {
        let mut part = TextPart::default();
        part.lines_of(&format!(
            "Hello\n\n\n- {}\n12. two\n1999 was good\r\n> so it was\n-no mark",
            "word ".repeat(20)
        ));
        let text = part.finish();
        assert!(text.starts_with("Hello\n\n- word word"));
        assert!(text.contains("\n  word"), "under the first word:\n{text}");
        assert!(text.ends_with("\n12. two\n1999 was good\n> so it was\n-no mark\n"), "{text}");
    }

    #[test]
    fn a_heading_is_underlined_as_wide_as_it_is() {
        let mut part = TextPart::default();
        assert_eq!(part.heading("日本").heading("Local").finish(), "日本\n----\nLocal\n-----\n");
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        assert_eq!(wrap("日本語の見出し", 6), ["日本語", "の見出", "し"]);
    }

    #[test]
    fn a_hanging_text_keeps_its_lines_under_the_first() {
        let mut part = TextPart::default();
        part.hanging("10. ", &"word ".repeat(20)).gap().gap().link(4, "https://example.org/");
        let text = part.finish();
        assert!(text.starts_with("10. word word"));
        assert!(text.contains("\n    word"));
        assert!(text.ends_with("word\n\n    https://example.org/\n"), "{text}");
    }
}
