//! The rules, each a function from text to findings.

use super::prose::{Kind, Paragraph, paragraphs};
use std::fmt;

/// Widest comment or line of a document, in columns.
const MAX_COLUMNS: usize = 120;

/// Words that make a term of "mail": a mail server is none of ours, and an "email server" would be odd.
const COMPOUNDS: [&str; 6] = ["server", "program", "system", "client", "provider", "app"];

/// A line that breaks a rule.
#[derive(Debug)]
pub struct Finding {
    pub file: String,
    pub line: usize,
    pub excerpt: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.excerpt)
    }
}

/// The words that `docs/STYLE.md` replaces.
#[derive(Debug, Default)]
pub struct Style {
    /// Names in code, also searched for in strings.
    names: Vec<String>,
    /// Words and phrases in prose.
    phrases: Vec<String>,
}

impl Style {
    /// Reads the table under "Words we replaced": names in backticks, phrases without.
    pub fn from_guide(guide: &str) -> Self {
        let section = guide.split_once("## Words we replaced").expect("the section with the words").1;
        let mut style = Self::default();
        for line in
            section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with('|'))
        {
            let cell = line.split('|').nth(1).unwrap_or_default();
            for word in
                cell.split(',').map(str::trim).filter(|word| !word.is_empty() && !word.starts_with('-'))
            {
                match word.strip_prefix('`').and_then(|word| word.strip_suffix('`')) {
                    Some(name) => style.names.push(name.to_owned()),
                    None if word == "not" => {}
                    None => style.phrases.push(word.to_lowercase()),
                }
            }
        }
        assert!(style.names.len() > 10 && style.phrases.len() > 3, "{style:?}");
        style
    }
}

/// Returns a file's findings: the rule, the line's number, and an excerpt.
pub fn check(style: &Style, kind: Kind, name: &str, text: &str) -> Vec<(&'static str, usize, String)> {
    let mut found = Vec::new();
    let mut add = |rule, places: Vec<(usize, String)>| {
        found.extend(places.into_iter().map(|(line, excerpt)| (rule, line, excerpt)));
    };
    for paragraph in paragraphs(kind, text) {
        add("clause-start", clause_starts(&paragraph));
        add("word", phrases(style, &paragraph));
    }
    if kind == Kind::Rust {
        add("name", names(style, text));
        add("filler-doc", filler_docs(name, text));
    }
    add("wide-line", wide_lines(kind, text));
    found
}

/// Sentences that start with a clause made by who, whose, what and the like. Headings may be questions.
fn clause_starts(paragraph: &Paragraph) -> Vec<(usize, String)> {
    if paragraph.is_heading && paragraph.lines.iter().any(|(_, line)| line.ends_with('?')) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut starts = true;
    for (number, line) in &paragraph.lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        for (index, word) in words.iter().enumerate() {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            let bare = bare.split(['\'', '’']).next().unwrap_or_default();
            // "What to do with a message after a crash" names a choice, and is no clause.
            let is_clause = !(bare == "what" && words.get(index + 1) == Some(&"to"));
            if starts && is_clause && ["who", "whoever", "whose", "whom", "what", "whatever"].contains(&bare)
            {
                found.push((*number, line.clone()));
            }
            if word.chars().any(|c| c.is_alphanumeric() || c == '§') {
                starts = false;
            }
            let end = word.trim_end_matches(['"', '”', ')', '\'']);
            starts |= end.len() > 1 && end.ends_with(['.', '!', '?']) && !["e.g.", "i.e."].contains(&end);
        }
    }
    found
}

/// Words of the prose that the style guide replaces. They may be split over two lines.
fn phrases(style: &Style, paragraph: &Paragraph) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    for (number, line) in &paragraph.lines {
        let outside_paths = line.split_whitespace().filter(|word| !word.contains('/'));
        let line = outside_paths.collect::<Vec<_>>().join(" ");
        let parts =
            line.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_' || c == '.' || c == '@'));
        let parts = parts.map(|part| part.trim_matches('.').to_lowercase()).filter(|part| !part.is_empty());
        words.extend(parts.map(|part| (*number, part)));
    }
    let mut found = Vec::new();
    for phrase in &style.phrases {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        for (index, window) in words.windows(wanted.len()).enumerate() {
            let next = words.get(index + wanted.len()).map_or("", |(_, word)| word.as_str());
            let is_compound =
                phrase.ends_with(" mail") && COMPOUNDS.iter().any(|part| next.starts_with(part));
            if !is_compound && window.iter().map(|(_, word)| word.as_str()).eq(wanted.iter().copied()) {
                let text: Vec<_> = paragraph.lines.iter().filter(|(line, _)| *line == window[0].0).collect();
                found.push((window[0].0, format!("“{phrase}” in: {}", text[0].1)));
            }
        }
    }
    found
}

fn names(style: &Style, text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    for (number, line) in (1..).zip(text.lines()) {
        for name in &style.names {
            let is_there = line.match_indices(name.as_str()).any(|(at, _)| {
                !line[..at].chars().next_back().is_some_and(is_part)
                    && !line[at + name.len()..].chars().next().is_some_and(is_part)
            });
            if is_there {
                found.push((number, format!("`{name}` in: {}", line.trim())));
            }
        }
    }
    found
}

/// Documentation of one or two words, which says no more than a name. Help texts of the command line are no
/// such docs.
fn filler_docs(name: &str, text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let doc = |index: Option<usize>| {
        index.and_then(|index| lines.get(index)).is_some_and(|line| line.starts_with("///"))
    };
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(words) = line.strip_prefix("///") else { continue };
        let stands_alone = !doc(index.checked_sub(1)) && !doc(Some(index + 1));
        let is_help = name.starts_with("src/cli/") && !words.ends_with('.');
        if stands_alone && !is_help && words.split_whitespace().count() <= 2 {
            found.push((index + 1, (*line).to_owned()));
        }
    }
    found
}

/// Comments and documents wider than a screen. Table rows and links can't be wrapped.
fn wide_lines(kind: Kind, text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut is_fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        is_fenced ^= kind == Kind::Markdown && trimmed.starts_with("```");
        let is_prose = match kind {
            Kind::Rust => trimmed.starts_with("//"),
            Kind::Hash => trimmed.starts_with('#'),
            Kind::Markdown => !is_fenced && !trimmed.starts_with('|') && trimmed.contains(' '),
        };
        if is_prose && line.chars().count() > MAX_COLUMNS {
            found.push((number, format!("{} columns", line.chars().count())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_broken(kind: Kind, text: &str) -> Vec<(&'static str, usize)> {
        let style =
            Style { names: vec!["hand_on".into()], phrases: vec!["unwanted mail".into(), "a mail".into()] };
        check(&style, kind, "src/db/x.rs", text).into_iter().map(|(rule, line, _)| (rule, line)).collect()
    }

    #[test]
    fn clauses_are_found_at_starts_of_sentences_only() {
        assert_eq!(
            rules_broken(Kind::Rust, "// Sent. What is\n// left waits. Whoever\n"),
            [("clause-start", 1), ("clause-start", 2)]
        );
        assert_eq!(rules_broken(Kind::Rust, "let a = 1; // what it was\n"), [("clause-start", 1)]);
        assert_eq!(rules_broken(Kind::Markdown, "- **Who left** is gone\n"), [("clause-start", 1)]);
        assert!(
            rules_broken(Kind::Markdown, "# What happens?\n\nReaders who left, e.g. what is said\n")
                .is_empty()
        );
    }

    #[test]
    fn replaced_words_are_found_across_lines_and_in_code() {
        assert_eq!(
            rules_broken(
                Kind::Rust,
                "// Look among unwanted\n// mail of a mail server.\nfn hand_on() {}\nlet hand_once = 1;\n"
            ),
            [("word", 1), ("name", 3)]
        );
    }

    #[test]
    fn filler_and_wide_lines_are_found() {
        assert_eq!(
            rules_broken(Kind::Rust, "/// The row.\nid: i64,\n/// The row\n/// of a reader.\n"),
            [("filler-doc", 1)]
        );
        assert_eq!(rules_broken(Kind::Hash, &format!("# {}\n", "word ".repeat(30))), [("wide-line", 1)]);
    }
}
