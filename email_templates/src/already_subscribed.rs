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
    /// The titles of all that comes to them.
    pub coming: &'a [&'a str],
    /// What rests while they take a break from it.
    pub resting: &'a [Resting<'a>],
    /// Leaves the newsletter. It stands verbatim and may be a placeholder.
    pub unsubscribe_url: &'a str,
    /// The issues so far. It stands verbatim and may be a placeholder.
    pub archive_url: &'a str,
    /// The address that was entered in the signup box.
    pub address: &'a str,
}

/// A newsletter that its reader takes a break from.
#[derive(Debug, Clone, Copy)]
pub struct Resting<'a> {
    /// Its title.
    pub title: &'a str,
    /// Where the break can be ended. It stands verbatim and may be a placeholder.
    pub preferences_url: &'a str,
}

/// The mail that reassures.
pub fn render(already: &AlreadySubscribed<'_>) -> Email {
    let (masthead, words) = &already.masthead.of_letter();
    let say = &words.already_subscribed;
    let look = Look::of(&masthead.theme);
    let coming: Vec<String> = already.coming.iter().map(|title| tidy(title)).collect();
    let all: Vec<String> =
        coming.iter().cloned().chain(already.resting.iter().map(|it| tidy(it.title))).collect();
    let address = tidy(already.address);
    let (at_site, at_linked_site) = masthead.at_site(&look, words);

    let subject = fill(&say.subject, &[("title", &all.join(", "))]);
    let done = match coming.as_slice() {
        [] => None,
        [title] => Some(fill(&say.done, &[("title", title)])),
        titles => Some(fill(&say.several, &[("titles", &titles.join(", "))])),
    };
    let rests: Vec<(String, &str)> = already
        .resting
        .iter()
        .map(|it| (fill(&say.paused, &[("title", &tidy(it.title))]), it.preferences_url))
        .collect();
    // The one thing to do; a break that it does not end has a link of its own.
    let (preheader, press, url) = match (&done, already.resting.first()) {
        (None, Some(it)) => (&say.paused_preheader, &say.resume, it.preferences_url),
        _ => (&say.preheader, &say.button, already.archive_url),
    };
    let preheader = preheader.clone();
    let marked = [("at_site", at_linked_site), ("address", html! { strong { (address) } })];
    let leave = inline_link(&look, already.unsubscribe_url, &words.letter.unsubscribe);

    let rows = html! {
        (row(html! {
            (headline(&look, &subject))
            (paragraph(filled(&say.asked, &marked)))
            @if let Some(done) = &done { (paragraph(html! { (done) })) }
            @for (rests, link) in &rests {
                (paragraph(html! {
                    (rests)
                    @if *link != url { " " (inline_link(&look, link, &say.resume)) }
                }))
            }
            (button(&look, url, press))
            @if done.is_some() { (small_print(html! { (say.missing) })) }
        }))
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (say.leave) " " (leave) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &fill(&say.asked, &[("at_site", &at_site), ("address", &address)])).gap();
    if let Some(done) = &done {
        part.paragraph(0, done).gap();
    }
    for (rests, link) in &rests {
        part.paragraph(0, rests);
        if *link != url {
            part.link(0, link);
        }
        part.gap();
    }
    part.paragraph(0, &words.label(press)).link(0, url).gap();
    if done.is_some() {
        part.paragraph(0, &say.missing).gap();
    }
    part.rule('-').gap();
    let leave = format!("{} {}", say.leave, words.label(&words.letter.unsubscribe));
    part.paragraph(0, &leave).link(0, already.unsubscribe_url).gap();
    part.publisher(masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}
