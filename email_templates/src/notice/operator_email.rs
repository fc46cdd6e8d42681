//! An email to an operator, as HTML and as text: paragraphs, a list, commands to copy.

use maud::{Markup, html};

use crate::layout::{button, headline, imprint, paragraph, row, small_print, space, transactional};
use crate::text::TextPart;
use crate::theme::Look;
use crate::theme::{BREAK, INK, SANS, light};
use crate::wording::{Direction, shorten, tidy};
use crate::{Email, Masthead, i18n};

const MONOSPACE: &str = "font-family:Menlo,Consolas,'Liberation Mono',monospace;";
const SUBJECT_MAX_CHARS: usize = 110;
const PREHEADER_MAX_CHARS: usize = 140;
/// Label of the link to the operators' page.
const OPEN_PAGE: &str = "Open the page";
/// Characters of a command that fit on one line of a phone.
const PHONE_COLUMNS: usize = 32;

/// A builder of an operator's email.
#[derive(Debug, Default)]
pub(super) struct OperatorEmail {
    /// The headline. The subject is the newsletter's name in brackets, then the title.
    title: String,
    preheader: String,
    /// Why the operator gets this email.
    pub(super) why: String,
    /// The command that ends these emails.
    pub(super) end_command: String,
    /// Address of the operators' page about it.
    pub(super) page: Option<String>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Paragraph(String),
    List(Vec<String>),
    /// A line to copy, such as a command, and a description of what it does.
    Copyable(Option<String>, String),
}

impl OperatorEmail {
    pub(super) fn new(title: String, preheader: impl Into<String>) -> Self {
        Self { title, preheader: preheader.into(), ..Self::default() }
    }

    pub(super) fn paragraph(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Paragraph(text.into()));
    }

    /// Adds a numbered list, if there are items.
    pub(super) fn list(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            self.parts.push(Part::List(items));
        }
    }

    /// Adds a line to copy.
    pub(super) fn copyable(&mut self, line: &str) {
        self.parts.push(Part::Copyable(None, line.to_owned()));
    }

    /// Adds a command with a description of what it does.
    pub(super) fn command(&mut self, description: &str, command: String) {
        self.parts.push(Part::Copyable(Some(description.to_owned()), command));
    }

    pub(super) fn render(self, masthead: &Masthead<'_>) -> Email {
        // Emails to operators are in English, whatever the newsletter's language.
        let masthead = &Masthead { language: i18n::ENGLISH, ..*masthead };
        let name = tidy(masthead.title);
        let subject = shorten(&format!("[{name}] {}", self.title), SUBJECT_MAX_CHARS);
        let preheader = shorten(&self.preheader, PREHEADER_MAX_CHARS);
        let end = "To stop these emails, run:";
        let look = Look::from_theme(&masthead.theme);
        // Commands come last, so that the button stands above them.
        let first_command = self.parts.iter().position(|part| matches!(part, Part::Copyable(..)));
        let (before, commands) = self.parts.split_at(first_command.unwrap_or(self.parts.len()));
        let rows = row(
            28,
            html! {
                (headline(&look, html! { (self.title) }))
                @for part in before { (part_rows(part)) }
                @if let Some(page) = &self.page { (space(20)) (button(&look, page, OPEN_PAGE, None, Direction::LeftToRight)) }
                @for part in commands { (part_rows(part)) }
            },
        );
        let below = html! { (self.why) " " (end) " " (self.end_command) };
        let html = transactional(masthead, &look, &subject, &preheader, rows, &[below]);

        let mut text = TextPart::default();
        text.paragraph(0, &name).rule('=').gap();
        text.paragraph(0, &self.title).gap();
        let parts = before.iter().map(Some).chain([None]).chain(commands.iter().map(Some));
        for part in parts {
            let Some(part) = part else {
                if let Some(page) = &self.page {
                    text.paragraph(0, &format!("{OPEN_PAGE}:")).link(4, page).gap();
                }
                continue;
            };
            match part {
                Part::Paragraph(paragraph) => text.paragraph(0, paragraph),
                Part::List(items) => {
                    for (index, item) in items.iter().enumerate() {
                        text.hanging(&format!("{}. ", index + 1), item);
                    }
                    &mut text
                }
                Part::Copyable(description, line) => {
                    let label = description.as_ref().map(|it| format!("{it}:")).unwrap_or_default();
                    text.paragraph(0, &label).link(4, line)
                }
            }
            .gap();
        }
        text.rule('-').gap();
        text.paragraph(0, &format!("{} {end}", self.why)).link(4, &self.end_command).gap();
        for line in imprint(masthead) {
            text.paragraph(0, &line);
        }
        Email { subject, preheader, html, text: text.finish(), language: i18n::ENGLISH.to_owned() }
    }
}

fn part_rows(part: &Part) -> Markup {
    match part {
        Part::Paragraph(text) => paragraph(html! { (text) }),
        Part::List(items) => html! {
            ol.ink style={ (SANS) (INK) (BREAK) "margin:14px 0 0 24px;padding:0;font-size:16px;line-height:24px;" } {
                @for item in items { li dir="auto" { (item) } }
            }
        },
        Part::Copyable(description, line) => html! {
            @if let Some(text) = description { (small_print(html! { (text) })) }
            p.ink.line dir="ltr" style={ (MONOSPACE) (INK) (BREAK) "margin:6px 0 0;padding:2px 0 2px 12px;border-left:3px solid " (light::LINE) ";font-size:14px;line-height:21px;text-align:left;" } {
                (command_words(line))
            }
        },
    }
}

/// Renders a command line without breaks at the hyphens of its options. Words too long for a phone's line may
/// break.
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

/// Quotes a word for POSIX shells. The quoting is needed because addresses and feed URLs come from outside: a
/// feed's owner can redirect it to any URL.
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
