//! Fenced blocks of a Markdown document.

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    pub language: Language,
    /// The second word of the info string.
    pub variant: String,
    pub text: String,
    /// The line of its first fence, from 1.
    pub line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Sh,
    Toml,
}

/// Returns the blocks that can be tried out.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(document.lines());
    while let Some((line, text)) = lines.next() {
        let Some(info) = text.trim_start().strip_prefix("```") else { continue };
        let inside =
            lines.by_ref().map(|(_, text)| text).take_while(|text| !text.trim_start().starts_with("```"));
        let text = inside.collect::<Vec<_>>().join("\n");
        let mut words = info.split_whitespace();
        let language = match words.next() {
            Some("sh") => Language::Sh,
            Some("toml") => Language::Toml,
            _ => continue,
        };
        found.push(Block { language, variant: words.next().unwrap_or_default().to_owned(), text, line });
    }
    found
}

/// Returns the text outside fenced blocks.
pub fn without_blocks(document: &str) -> String {
    let mut is_fenced = false;
    let outside = document.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fence && !is_fenced
    });
    outside.collect::<Vec<_>>().join("\n")
}

#[test]
fn blocks_have_their_language_and_variant() {
    let document = "a\n```sh sending\ndaily check\n```\n```html\n<p>\n```\n";
    let expected =
        Block { language: Language::Sh, variant: "sending".into(), text: "daily check".into(), line: 2 };
    assert_eq!(blocks(document), [expected]);
    assert_eq!(without_blocks(document), "a");
}
