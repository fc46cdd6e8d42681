//! The email to a subscriber whose address was signed up again. The signup page gives the same answer for
//! every address, so only this email reveals that the address is subscribed.

use maud::html;

use crate::i18n::{interpolate, interpolate_markup};
use crate::layout::{
    button, headline, inline_link, paragraph, quiet_link, row, small_print, space, transactional, whole,
};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::{Direction, tidy};
use crate::{Email, Masthead};

#[derive(Debug, Clone, Copy)]
pub struct AlreadySubscribed<'a> {
    /// The newsletter of the new signup.
    pub masthead: Masthead<'a>,
    /// The titles of the newsletters that the reader gets.
    pub active: &'a [&'a str],
    pub paused: &'a [PausedSubscription<'a>],
    /// Unsubscribe link, used verbatim; may be a placeholder.
    pub unsubscribe_url: &'a str,
    /// URL of the archive, used verbatim; may be a placeholder.
    pub archive_url: &'a str,
    /// The address that was entered in the signup form.
    pub address: &'a str,
}

#[derive(Debug, Clone, Copy)]
pub struct PausedSubscription<'a> {
    pub title: &'a str,
    /// Preferences page, where the reader can end the pause. Used verbatim; may be a placeholder.
    pub preferences_url: &'a str,
}

/// Renders the email.
pub fn render(already: &AlreadySubscribed<'_>) -> Email {
    let (masthead, texts) = &already.masthead.localized();
    let t = &texts.already_subscribed;
    let look = Look::from_theme(&masthead.theme);
    let active: Vec<String> = already.active.iter().map(|title| tidy(title)).collect();
    let all: Vec<String> =
        active.iter().cloned().chain(already.paused.iter().map(|it| tidy(it.title))).collect();
    let address = tidy(already.address);
    let at_site = masthead.at_site(texts);

    let subject = interpolate(&t.subject, &[("title", &all.join(", "))]);
    let unchanged = match active.as_slice() {
        [] => None,
        [title] => Some(interpolate(&t.done, &[("title", title)])),
        titles => Some(interpolate(&t.several, &[("titles", &titles.join(", "))])),
    };
    let paused: Vec<(String, &str)> = already
        .paused
        .iter()
        .map(|it| (interpolate(&t.paused, &[("title", &tidy(it.title))]), it.preferences_url))
        .collect();
    // The button resumes the first subscription if none is active; the others get links.
    let (preheader, label, url) = match (&unchanged, already.paused.first()) {
        (None, Some(it)) => (&t.paused_preheader, &t.resume, it.preferences_url),
        _ => (&t.preheader, &t.button, already.archive_url),
    };
    let preheader = preheader.clone();
    let missing = interpolate(&t.missing, &[("sender", &tidy(masthead.sender_address))]);
    let marked = [("at_site", html! { (at_site) }), ("address", html! { strong { (address) } })];
    let leave = quiet_link(already.unsubscribe_url, &texts.shared.unsubscribe);

    let direction = Direction::of_language(masthead.language);
    let rows = row(
        28,
        html! {
            (headline(&look, interpolate_markup(&t.subject, &[("title", whole(&all.join(", ")))])))
            (paragraph(interpolate_markup(&t.asked, &marked)))
            @if let Some(text) = &unchanged { (paragraph(html! { (text) })) }
            @for (text, link) in &paused {
                (paragraph(html! {
                    (text)
                    @if *link != url { " " (inline_link(&look, link, &t.resume)) }
                }))
            }
            (space(20))
            (button(&look, url, label, None, direction))
            @if unchanged.is_some() { (space(12)) (small_print(html! { (missing) })) }
        },
    );
    let below = [html! { (t.leave) " " (leave) }];
    let html = transactional(masthead, &look, &subject, &preheader, rows, &below);

    let mut part = TextPart::default();
    part.header(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &interpolate(&t.asked, &[("at_site", &at_site), ("address", &address)])).gap();
    if let Some(text) = &unchanged {
        part.paragraph(0, text).gap();
    }
    for (text, link) in &paused {
        part.paragraph(0, text);
        if *link != url {
            part.link(0, link);
        }
        part.gap();
    }
    part.paragraph(0, &texts.label(label)).link(0, url).gap();
    if unchanged.is_some() {
        part.paragraph(0, &missing).gap();
    }
    part.rule('-').gap();
    let leave = format!("{} {}", t.leave, texts.label(&texts.shared.unsubscribe));
    part.paragraph(0, &leave).link(0, already.unsubscribe_url).gap();
    part.publisher(masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}
