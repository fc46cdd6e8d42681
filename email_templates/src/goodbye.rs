//! The last mail to a reader who left: nothing more will come, and the way back for whoever left by mistake.

use maud::html;

use crate::layout::{headline, inline_link, letter, paragraph, row, row_end};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::words::{fill, filled};
use crate::{Email, Masthead};

/// A reader who left.
#[derive(Debug, Clone, Copy)]
pub struct Goodbye<'a> {
    /// What they left.
    pub masthead: Masthead<'a>,
    /// The signup page. It stands verbatim and may be a placeholder.
    pub sign_up_url: &'a str,
    /// The address nothing more goes to.
    pub address: &'a str,
}

/// The mail that says goodbye.
pub fn render(goodbye: &Goodbye<'_>) -> Email {
    let (masthead, words) = &goodbye.masthead.of_letter();
    let say = &words.goodbye;
    let look = Look::of(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(goodbye.address);
    let values = &[("title", title.as_str()), ("address", &address)];

    let subject = fill(&say.subject, values);
    let preheader = say.preheader.clone();
    let why = fill(&say.why, values);
    let marked = [("title", html! { (title) }), ("address", html! { strong { (address) } })];

    let rows = html! {
        (row(html! {
            (headline(&look, &subject))
            (paragraph(filled(&say.ended, &marked)))
            (paragraph(html! { (say.mistake) " " (inline_link(&look, goodbye.sign_up_url, &say.again)) "." }))
            (paragraph(html! { (say.thanks) }))
        }))
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &fill(&say.ended, values)).gap();
    let again = format!("{} {}", say.mistake, words.label(&say.again));
    part.paragraph(0, &again).link(0, goodbye.sign_up_url).gap();
    part.paragraph(0, &say.thanks).gap();
    part.letter_foot(&why, masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}
