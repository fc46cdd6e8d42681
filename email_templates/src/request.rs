//! Links that a reader asked for on their own page: to a copy of what is held about them, and to a change of address, which both the
//! old and the new address confirm.

use maud::html;

use crate::layout::{button, headline, inline_link, letter, paragraph, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::words::{fill, filled};
use crate::{Email, Masthead};

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub enum Wish<'a> {
    /// A copy of what is held about the reader.
    Copy,
    /// To be mailed at another address; this mail goes to the old one.
    FromHere {
        /// The new one.
        new: &'a str,
    },
    /// The same; this mail goes to the new one, and does not tell the old one: it may be a stranger's.
    ToHere,
}

/// A link that a reader asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The newsletter on whose page they asked.
    pub masthead: Masthead<'a>,
    /// What for.
    pub wish: Wish<'a>,
    /// Where the button is that does it. It stands verbatim.
    pub url: &'a str,
    /// How long the link works.
    pub expires_in_days: u32,
    /// Where this mail goes.
    pub address: &'a str,
}

/// The mail with the link.
pub fn render(request: &Request<'_>) -> Email {
    let (masthead, words) = &request.masthead.of_letter();
    let say = &words.request;
    let look = Look::of(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(request.address);
    let days = match request.expires_in_days {
        1 => words.letter.one_day.clone(),
        days => fill(&words.letter.days, &[("days", &days.to_string())]),
    };
    let new = match request.wish {
        Wish::FromHere { new } => tidy(new),
        Wish::Copy | Wish::ToHere => String::new(),
    };
    let values = &[("title", title.as_str()), ("address", &address), ("new", &new), ("days", &days)];
    let (subject, asked, press, ignore) = match request.wish {
        Wish::Copy => (&say.copy_subject, &say.copy_asked, &say.copy_button, &say.copy_ignore),
        Wish::FromHere { .. } => (&say.old_subject, &say.old_asked, &say.change_button, &say.old_ignore),
        Wish::ToHere => (&say.new_subject, &say.new_asked, &say.change_button, &say.new_ignore),
    };
    let subject = fill(subject, values);
    let expiry = fill(&say.expiry, values);
    let why = fill(&say.why, values);
    let strong = |text: &str| html! { strong { (text) } };
    let marked = [("title", html! { (title) }), ("address", strong(&address)), ("new", strong(&new))];

    let rows = html! {
        (row(html! {
            (headline(&look, &subject))
            (paragraph(filled(asked, &marked)))
            (button(&look, request.url, press))
            (small_print(html! { (expiry) " " (words.confirmation.or_open) br; (inline_link(&look, request.url, request.url)) }))
            (small_print(html! { (ignore) }))
        }))
        (row_end())
    };
    let html = letter(masthead, &subject, &expiry, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &fill(asked, values)).gap();
    part.paragraph(0, &words.label(press)).link(0, request.url).gap();
    part.paragraph(0, &expiry).gap();
    part.paragraph(0, ignore).gap();
    part.letter_foot(&why, masthead);
    Email { subject, preheader: expiry, html, text: part.finish(), language: masthead.language.to_owned() }
}
