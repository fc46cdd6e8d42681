//! The last mail to a reader who left: nothing more will come, and the way back for whoever left by mistake.

use maud::html;

use crate::layout::{headline, inline_link, letter, paragraph, row, row_end};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
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
    let masthead = &goodbye.masthead;
    let look = Look::of(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(goodbye.address);

    let subject = format!("You have left {title}");
    let preheader = "Nothing more will come. By mistake? You can come back.".to_owned();
    let ended = format!("This is our last mail: no further issue of {title} will be sent to {address}.");
    let mistake = "By mistake, or not by you?";
    let thanks = "Thank you for reading us.";
    let why = format!("You get this one mail because {address} was unsubscribed from {title} just now.");

    let rows = html! {
        (row(html! {
            (headline(&look, &subject))
            (paragraph(html! {
                "This is our last mail: no further issue of " (title) " will be sent to " strong { (address) } "."
            }))
            (paragraph(html! { (mistake) " " (inline_link(&look, goodbye.sign_up_url, "Sign up again")) "." }))
            (paragraph(html! { (thanks) }))
        }))
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &ended).gap();
    part.paragraph(0, &format!("{mistake} Sign up again:")).link(0, goodbye.sign_up_url).gap();
    part.paragraph(0, thanks).gap();
    part.letter_foot(&why, masthead);
    Email { subject, preheader, html, text: part.finish() }
}
