//! A letter to an operator, as HTML and as text: sentences, a list, commands to copy.

use maud::{Markup, html};

use crate::layout::{headline, letter, paragraph, postal_lines, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::Look;
use crate::theme::{BREAK, INK, SANS, light};
use crate::wording::{shorten, tidy};
use crate::{Email, Masthead, words};

/// What a terminal writes in.
const MONOSPACE: &str = "font-family:Menlo,Consolas,'Liberation Mono',monospace;";
/// Inboxes cut a subject at 60 to 80 characters; a longer one is shortened at a word.
const SUBJECT_MAX_CHARS: usize = 110;
const PREHEADER_MAX_CHARS: usize = 140;
/// What a phone shows of a command on one line.
const PHONE_COLUMNS: usize = 32;

/// A letter in the making.
#[derive(Debug, Default)]
pub(super) struct Letter {
    /// What it is about: its headline, and the subject after the newsletter's name.
    title: String,
    preheader: String,
    /// Why the operator gets it.
    pub(super) why: String,
    /// The command that ends such letters.
    pub(super) leave: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Sentence(String),
    List(Vec<String>),
    /// Something to copy, such as a command, and what it does.
    Copy(Option<String>, String),
}

impl Letter {
    pub(super) fn new(title: String, preheader: impl Into<String>) -> Self {
        Self { title, preheader: preheader.into(), ..Self::default() }
    }

    /// A paragraph.
    pub(super) fn say(&mut self, sentence: impl Into<String>) {
        self.parts.push(Part::Sentence(sentence.into()));
    }

    /// A numbered list; nothing without items.
    pub(super) fn list(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            self.parts.push(Part::List(items));
        }
    }

    /// A line to copy.
    pub(super) fn copy(&mut self, line: &str) {
        self.parts.push(Part::Copy(None, line.to_owned()));
    }

    /// A command, and what it does.
    pub(super) fn run(&mut self, does: &str, command: String) {
        self.parts.push(Part::Copy(Some(does.to_owned()), command));
    }

    pub(super) fn render(self, masthead: &Masthead<'_>) -> Email {
        // Operators are written to in English, whatever their readers read.
        let masthead = &Masthead { language: words::ENGLISH, ..*masthead };
        let name = tidy(masthead.title);
        let subject = shorten(&format!("[{name}] {}", self.title), SUBJECT_MAX_CHARS);
        let preheader = shorten(&self.preheader, PREHEADER_MAX_CHARS);
        let end = "To end it, run:";
        let rows = html! {
            (row(html! {
                (headline(&Look::of(&masthead.theme), &self.title))
                @for part in &self.parts { (shown(part)) }
            }))
            (row_end())
        };
        let below = html! { (self.why) " " (end) " " (self.leave) };
        let html = letter(masthead, &subject, &preheader, rows, &[below]);

        let mut text = TextPart::default();
        text.paragraph(0, &name).rule('=').gap();
        text.paragraph(0, &self.title).gap();
        for part in &self.parts {
            match part {
                Part::Sentence(sentence) => text.paragraph(0, sentence),
                Part::List(items) => {
                    for (index, item) in items.iter().enumerate() {
                        text.hanging(&format!("{}. ", index + 1), item);
                    }
                    &mut text
                }
                Part::Copy(does, line) => {
                    let does = does.as_ref().map(|does| format!("{does}:")).unwrap_or_default();
                    text.paragraph(0, &does).link(4, line)
                }
            }
            .gap();
        }
        text.rule('-').gap();
        text.paragraph(0, &format!("{} {end}", self.why)).link(4, &self.leave).gap();
        text.paragraph(0, &name);
        for line in postal_lines(masthead) {
            text.paragraph(0, &line);
        }
        Email { subject, preheader, html, text: text.finish(), language: words::ENGLISH.to_owned() }
    }
}

fn shown(part: &Part) -> Markup {
    match part {
        Part::Sentence(sentence) => paragraph(html! { (sentence) }),
        Part::List(items) => html! {
            ol.ink style={ (SANS) (INK) (BREAK) "margin:14px 0 0;padding:0 0 0 24px;font-size:16px;line-height:24px;" } {
                @for item in items { li dir="auto" { (item) } }
            }
        },
        Part::Copy(does, line) => html! {
            @if let Some(does) = does { (small_print(html! { (does) })) }
            p.ink.line dir="ltr" style={ (MONOSPACE) (INK) (BREAK) "margin:6px 0 0;padding:2px 0 2px 12px;border-left:3px solid " (light::HAIRLINE) ";font-size:14px;line-height:21px;text-align:left;" } {
                (command_words(line))
            }
        },
    }
}

/// A command line whose options are not broken at their hyphens; only what is too long for a phone's line may be broken.
fn command_words(line: &str) -> Markup {
    html! {
        @for (index, word) in line.split(' ').enumerate() {
            @if index > 0 { " " }
            @if word.contains('-') && word.chars().count() <= PHONE_COLUMNS {
                span style="white-space:nowrap;" { (word) }
            } @else {
                (word)
            }
        }
    }
}

/// A word of a command line as every POSIX shell takes it: an address may hold anything, and a feed's owner may move it to
/// one of their choosing.
pub(super) fn shell_word(text: &str) -> String {
    let text = tidy(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_more_into_it() {
        assert_eq!(shell_word("https://a.example/feed.xml"), "https://a.example/feed.xml");
        assert_eq!(shell_word("https://a.example/?a=1&b=2"), "'https://a.example/?a=1&b=2'");
        assert_eq!(shell_word("https://a.example/'$(id)'"), "'https://a.example/'\\''$(id)'\\'''");
        assert_eq!(shell_word(""), "''");
    }
}
