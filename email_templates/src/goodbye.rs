//! The last email to a reader who unsubscribed, with a way back for those who did it by mistake.

use maud::html;

use crate::i18n::{interpolate, interpolate_markup};
use crate::layout::{headline, outline_button, paragraph, row, small_print, space, transactional};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::{Email, Masthead};

#[derive(Debug, Clone, Copy)]
pub struct Goodbye<'a> {
    /// The newsletter that the reader unsubscribed from.
    pub masthead: Masthead<'a>,
    /// URL of the signup page, used verbatim; may be a placeholder.
    pub sign_up_url: &'a str,
    pub address: &'a str,
}

/// Renders the goodbye email.
pub fn render(goodbye: &Goodbye<'_>) -> Email {
    let (masthead, texts) = &goodbye.masthead.localized();
    let t = &texts.goodbye;
    let look = Look::from_theme(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(goodbye.address);
    let values = &[("title", title.as_str()), ("address", &address)];

    let subject = interpolate(&t.subject, values);
    let preheader = t.preheader.clone();
    let why = interpolate(&t.why, values);
    let marked = [("title", html! { (title) }), ("address", html! { strong { (address) } })];

    let rows = row(
        28,
        html! {
            (headline(&look, html! { (t.headline) }))
            (paragraph(interpolate_markup(&t.ended, &marked)))
            (paragraph(html! { (t.thanks) }))
            (space(10))
            (small_print(html! { (t.mistake) }))
            (space(12))
            (outline_button(&look, goodbye.sign_up_url, &t.again))
        },
    );
    let html = transactional(masthead, &look, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.header(masthead);
    part.paragraph(0, &t.headline).gap();
    part.paragraph(0, &interpolate(&t.ended, values)).gap();
    part.paragraph(0, &t.thanks).gap();
    let again = format!("{} {}", t.mistake, texts.label(&t.again));
    part.paragraph(0, &again).link(0, goodbye.sign_up_url).gap();
    part.footer(&why, masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}
