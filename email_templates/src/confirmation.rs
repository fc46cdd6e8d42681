//! "Please confirm": the second step of double opt-in, and the only mail an unconfirmed address ever gets, but for
//! one reminder.

use maud::html;

use crate::layout::{button, headline, inline_link, letter, paragraph, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::words::{fill, filled};
use crate::{Email, Masthead};

/// A signup that waits for its reader's yes.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    /// The newsletter they asked for.
    pub masthead: Masthead<'a>,
    /// Confirms the signup. It stands verbatim and may be a placeholder.
    pub confirm_url: &'a str,
    /// How long the link works.
    pub expires_in_days: u32,
    /// The address that was entered in the signup box.
    pub address: &'a str,
    /// What is confirmed: the newsletter's title, or those of all that were asked for.
    pub titles: &'a str,
}

/// The mail that asks.
pub fn render(confirmation: &Confirmation<'_>) -> Email {
    write(confirmation, false)
}

/// The mail that asks once more, a while later.
pub fn remind(confirmation: &Confirmation<'_>) -> Email {
    write(confirmation, true)
}

fn write(confirmation: &Confirmation<'_>, again: bool) -> Email {
    let (masthead, words) = &confirmation.masthead.of_letter();
    let say = &words.confirmation;
    let look = Look::of(&masthead.theme);
    let title = tidy(confirmation.titles);
    let address = tidy(confirmation.address);
    let (at_site, at_linked_site) = masthead.at_site(&look, words);
    let days = match confirmation.expires_in_days {
        1 => words.letter.one_day.clone(),
        days => fill(&words.letter.days, &[("days", &days.to_string())]),
    };
    let values = &[("title", title.as_str()), ("days", &days), ("at_site", &at_site), ("address", &address)];

    let subject = fill(if again { &say.reminder } else { &say.subject }, values);
    let preheader = fill(&say.preheader, values);
    let question = fill(&say.question, values);
    let expiry = fill(&say.expiry, values);
    let why = fill(if again { &say.why_again } else { &say.why }, values);
    let marked = [
        ("title", html! { (title) }),
        ("at_site", at_linked_site),
        ("address", html! { strong { (address) } }),
    ];
    let link = inline_link(&look, confirmation.confirm_url, confirmation.confirm_url);

    let rows = html! {
        (row(html! {
            (headline(&look, &question))
            (paragraph(filled(&say.asked, &marked)))
            (paragraph(html! { (say.confirm) }))
            (button(&look, confirmation.confirm_url, &say.button))
            (small_print(html! { (expiry) " " (say.or_open) br; (link) }))
            (small_print(html! { (say.ignore) }))
        }))
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &question).gap();
    part.paragraph(0, &fill(&say.asked, values)).gap();
    part.paragraph(0, &format!("{} {}", say.confirm, say.open)).gap();
    part.link(0, confirmation.confirm_url).gap();
    part.paragraph(0, &expiry).gap();
    part.paragraph(0, &say.ignore).gap();
    part.letter_foot(&why, masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}
