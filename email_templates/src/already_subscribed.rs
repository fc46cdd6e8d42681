//! The answer to a signup by somebody who already reads us. The web page says the same to everybody, so that it
//! tells nobody who is subscribed; only the owner of the address learns it, here.

use maud::html;

use crate::layout::{button, headline, inline_link, letter, paragraph, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::words::{fill, filled};
use crate::{Email, Masthead};

/// A signup for an address that is subscribed already.
#[derive(Debug, Clone, Copy)]
pub struct AlreadySubscribed<'a> {
    /// The newsletter they asked for again.
    pub masthead: Masthead<'a>,
    /// Leaves the newsletter. It stands verbatim and may be a placeholder.
    pub unsubscribe_url: &'a str,
    /// The issues so far. It stands verbatim and may be a placeholder.
    pub archive_url: &'a str,
    /// The address that was entered in the signup box.
    pub address: &'a str,
}

/// The mail that reassures.
pub fn render(already: &AlreadySubscribed<'_>) -> Email {
    let (masthead, words) = &already.masthead.of_letter();
    let say = &words.already_subscribed;
    let look = Look::of(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(already.address);
    let (at_site, at_linked_site) = masthead.at_site(&look, words);
    let values = &[("title", title.as_str()), ("at_site", &at_site), ("address", &address)];

    let subject = fill(&say.subject, values);
    let preheader = say.preheader.clone();
    let done = fill(&say.done, values);
    let marked = [("at_site", at_linked_site), ("address", html! { strong { (address) } })];
    let leave = inline_link(&look, already.unsubscribe_url, &words.letter.unsubscribe);

    let rows = html! {
        (row(html! {
            (headline(&look, &subject))
            (paragraph(filled(&say.asked, &marked)))
            (paragraph(html! { (done) }))
            (button(&look, already.archive_url, &say.button))
            (small_print(html! { (say.missing) }))
        }))
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (say.leave) " " (leave) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &fill(&say.asked, values)).gap();
    part.paragraph(0, &done).gap();
    part.paragraph(0, &words.label(&say.button)).link(0, already.archive_url).gap();
    part.paragraph(0, &say.missing).gap();
    part.rule('-').gap();
    let leave = format!("{} {}", say.leave, words.label(&words.letter.unsubscribe));
    part.paragraph(0, &leave).link(0, already.unsubscribe_url).gap();
    part.publisher(masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}
