//! Finds the prose in a file: comments of code and configuration, and the text of Markdown.

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Rust,
    /// Comments begin with `#`: TOML, shell scripts, a justfile.
    Hash,
    Markdown,
}

impl Kind {
    /// Returns how a file is read; `None` for files without English prose of ours.
    pub fn of(name: &str) -> Option<Self> {
        // Texts in five languages, whose wording is reviewed on the pages that show them.
        let is_translation = name.starts_with("src/i18n/") || name.starts_with("email_templates/src/i18n/");
        let (_, extension) = name.rsplit_once('.').unwrap_or_default();
        match extension {
            // These two name what they look for.
            _ if name.starts_with("tests/language") || name == "docs/STYLE.md" => None,
            "rs" => Some(Self::Rust),
            "toml" if !is_translation => Some(Self::Hash),
            "md" => Some(Self::Markdown),
            _ if name.starts_with("script/") || name.starts_with(".ci/") || name == "justfile" => {
                Some(Self::Hash)
            }
            _ => None,
        }
    }
}

/// A paragraph, list item, table cell or comment.
#[derive(Debug, PartialEq, Eq)]
pub struct Paragraph {
    /// Its lines with their numbers, from 1, without comment signs and code spans.
    pub lines: Vec<(usize, String)>,
    pub is_heading: bool,
}

/// Returns the paragraphs of a file.
pub fn paragraphs(kind: Kind, text: &str) -> Vec<Paragraph> {
    let mut found = Paragraphs::default();
    let mut is_fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        let prose = match kind {
            Kind::Markdown => Some((line, false)),
            Kind::Rust => comment(line, "//")
                .map(|(text, is_trailing)| (text.trim_start_matches(['/', '!']), is_trailing)),
            Kind::Hash => comment(line, "#"),
        };
        let Some((prose, starts_alone)) = prose else {
            found.end();
            continue;
        };
        if prose.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            found.end();
        } else if !is_fenced {
            if starts_alone {
                found.end();
            }
            found.add(number, prose);
        }
    }
    found.end();
    found.paragraphs
}

/// Returns the text of a comment, and whether code stands before it.
fn comment<'a>(line: &'a str, sign: &str) -> Option<(&'a str, bool)> {
    if let Some(text) = line.trim_start().strip_prefix(sign) {
        return (!text.starts_with('!') || sign == "//").then_some((text, false));
    }
    for (at, _) in line.match_indices(sign) {
        let before = &line[..at];
        let is_in_string = before.matches('"').count() - before.matches("\\\"").count();
        if is_in_string.is_multiple_of(2) && before.ends_with(' ') && line[at + sign.len()..].starts_with(' ')
        {
            return Some((&line[at + sign.len()..], true));
        }
    }
    None
}

#[derive(Default)]
struct Paragraphs {
    paragraphs: Vec<Paragraph>,
    open: Vec<(usize, String)>,
}

impl Paragraphs {
    fn add(&mut self, number: usize, line: &str) {
        let line = line.trim();
        let heading = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#'));
        let begins_item = ["- ", "* ", "> "].iter().any(|sign| line.starts_with(sign))
            || line
                .split_once(". ")
                .is_some_and(|(item, _)| !item.is_empty() && item.bytes().all(|b| b.is_ascii_digit()));
        if let Some(heading) = heading.filter(|rest| rest.starts_with(' ')) {
            self.end();
            self.push(vec![(number, without_code(heading.trim()))], true);
        } else if line.starts_with('|') {
            self.end();
            for cell in line.split('|').map(str::trim).filter(|cell| !cell.is_empty()) {
                self.push(vec![(number, without_code(cell))], false);
            }
        } else if line.is_empty() {
            self.end();
        } else {
            if begins_item {
                self.end();
            }
            let text = if begins_item { line.split_once(' ').map_or(line, |(_, rest)| rest) } else { line };
            self.open.push((number, without_code(text)));
        }
    }

    fn end(&mut self) {
        let lines = std::mem::take(&mut self.open);
        self.push(lines, false);
    }

    fn push(&mut self, lines: Vec<(usize, String)>, is_heading: bool) {
        if !lines.is_empty() {
            self.paragraphs.push(Paragraph { lines, is_heading });
        }
    }
}

/// Replaces code spans with a sign, and removes emphasis and the targets of links.
fn without_code(text: &str) -> String {
    let mut plain = String::new();
    for (index, part) in text.split('`').enumerate() {
        plain.push_str(if index % 2 == 1 { "§" } else { part });
    }
    let mut text = String::new();
    for (index, part) in plain.split("](").enumerate() {
        text.push_str(if index == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) });
    }
    text.replace(['*', '['], "")
}

#[test]
fn prose_is_found_in_comments_lists_and_cells() {
    let rust = "/// One.\n/// Two `x`.\nlet url = \"https://a\"; // three\n";
    let texts = |kind, text| -> Vec<String> {
        let found = paragraphs(kind, text).into_iter();
        found.map(|it| it.lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(texts(Kind::Rust, rust), ["One. Two §.", "three"]);
    let markdown = "# A\n\n- **b** [c](d.md)\n  e\n\n| f | g |\n```sh\nh\n```\n";
    assert_eq!(texts(Kind::Markdown, markdown), ["A", "b c e", "f", "g"]);
    assert_eq!(texts(Kind::Hash, "#!/bin/sh\nkey = \"#1\" # one\n"), ["one"]);
}
