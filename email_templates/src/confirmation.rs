//! "Please confirm": the second step of double opt-in, and the only mail an unconfirmed address ever gets, but for
//! one reminder.

use maud::html;

use crate::layout::{button, headline, inline_link, letter, paragraph, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::{Email, Masthead, href};

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
    let masthead = &confirmation.masthead;
    let look = Look::of(&masthead.theme);
    let title = tidy(confirmation.titles);
    let address = tidy(confirmation.address);
    let site = href::web(masthead.site_url);
    let at_site = site.map(|url| format!(" at {}", href::spoken(url))).unwrap_or_default();
    let days = match confirmation.expires_in_days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };

    let subject = if again {
        format!("Reminder: confirm your subscription to {title}")
    } else {
        format!("Confirm your subscription to {title}")
    };
    let preheader = format!("One click and {title} is yours. The link works for {days}.");
    let question = format!("Shall we send you {title}?");
    let asked = format!("Somebody, we hope you, asked{at_site} for {title} to be sent to {address}.");
    let confirm = "Confirm to start reading. Until you do, we send nothing.";
    let ignore = "If it wasn't you, ignore this mail: nothing happens, and the address is not used.";
    let expiry = format!("The link works for {days}.");
    let why = if again {
        format!(
            "{address} was entered in the signup box{at_site}. This is the only reminder; without a click nothing more comes."
        )
    } else {
        format!("You get this one mail because {address} was entered in the signup box{at_site}.")
    };

    let rows = html! {
        (row(html! {
            (headline(&look, &question))
            (paragraph(html! {
                "Somebody, we hope you, asked"
                @if let Some(url) = site { " at " (inline_link(&look, url, href::spoken(url))) }
                " for " (title) " to be sent to " strong { (address) } "."
            }))
            (paragraph(html! { (confirm) }))
            (button(&look, confirmation.confirm_url, "Confirm my subscription"))
            (small_print(html! { (expiry) " If the button does nothing, open this address:" br; (inline_link(&look, confirmation.confirm_url, confirmation.confirm_url)) }))
            (small_print(html! { (ignore) }))
        }))
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &question).gap();
    part.paragraph(0, &asked).gap();
    part.paragraph(0, &format!("{confirm} To confirm, open this address:")).gap();
    part.link(0, confirmation.confirm_url).gap();
    part.paragraph(0, &expiry).gap();
    part.paragraph(0, ignore).gap();
    part.letter_foot(&why, masthead);
    Email { subject, preheader, html, text: part.finish() }
}
