//! The answer to a signup by somebody who already reads us. The web page says the same to everybody, so that it
//! tells nobody who is subscribed; only the owner of the address learns it, here.

use maud::html;

use crate::layout::{button, headline, inline_link, letter, paragraph, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::{Email, Masthead, href};

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
    let masthead = &already.masthead;
    let look = Look::of(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(already.address);
    let site = href::web(masthead.site_url);
    let at_site = site.map(|url| format!(" at {}", href::spoken(url))).unwrap_or_default();

    let subject = format!("You already get {title}");
    let preheader = "Nothing to do: your next issue is on its way as usual.".to_owned();
    let asked = format!("Somebody, probably you, entered {address} in the signup box{at_site}.");
    let done = format!("You are subscribed already, so nothing has changed: {title} keeps coming as before.");
    let missing = "Don't see it in your inbox? Look in the spam folder, and add us to your contacts.";
    let leave = "Rather not have it any more?";

    let rows = html! {
        (row(html! {
            (headline(&look, &format!("You already get {title}")))
            (paragraph(html! {
                "Somebody, probably you, entered " strong { (address) } " in the signup box"
                @if let Some(url) = site { " at " (inline_link(&look, url, href::spoken(url))) }
                "."
            }))
            (paragraph(html! { (done) }))
            (button(&look, already.archive_url, "Read the latest issues"))
            (small_print(html! { (missing) }))
        }))
        (row_end())
    };
    let html = letter(
        masthead,
        &subject,
        &preheader,
        rows,
        &[html! { (leave) " " (inline_link(&look, already.unsubscribe_url, "Unsubscribe")) }],
    );

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &asked).gap();
    part.paragraph(0, &done).gap();
    part.paragraph(0, "Read the latest issues:").link(0, already.archive_url).gap();
    part.paragraph(0, missing).gap();
    part.rule('-').gap();
    part.paragraph(0, &format!("{leave} Unsubscribe:")).link(0, already.unsubscribe_url).gap();
    part.publisher(masthead);
    Email { subject, preheader, html, text: part.finish() }
}
