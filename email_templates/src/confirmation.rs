//! The email that asks to confirm a signup, the second step of double opt-in. An unconfirmed address gets no
//! other email but one reminder.

use maud::html;

use crate::i18n::{interpolate, interpolate_markup};
use crate::layout::{button, headline, inline_link, paragraph, row, row_end, small_print, transactional};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::{Email, Masthead};

#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    pub masthead: Masthead<'a>,
    /// Link that confirms the signup, used verbatim; may be a placeholder.
    pub confirm_url: &'a str,
    pub expires_in_days: u32,
    /// The address that was entered in the signup form.
    pub address: &'a str,
    /// The titles of all newsletters that the link confirms, joined by commas.
    pub titles: &'a str,
}

/// Renders the first email.
pub fn render(confirmation: &Confirmation<'_>) -> Email {
    render_email(confirmation, false)
}

/// Renders the reminder.
pub fn render_reminder(confirmation: &Confirmation<'_>) -> Email {
    render_email(confirmation, true)
}

fn render_email(confirmation: &Confirmation<'_>, is_reminder: bool) -> Email {
    let (masthead, texts) = &confirmation.masthead.localized();
    let t = &texts.confirmation;
    let look = Look::from_theme(&masthead.theme);
    let title = tidy(confirmation.titles);
    let address = tidy(confirmation.address);
    let (at_site, at_linked_site) = masthead.at_site(&look, texts);
    let days = match confirmation.expires_in_days {
        1 => texts.shared.one_day.clone(),
        days => interpolate(&texts.shared.days, &[("days", &days.to_string())]),
    };
    let values = &[("title", title.as_str()), ("days", &days), ("at_site", &at_site), ("address", &address)];

    let subject = interpolate(if is_reminder { &t.reminder } else { &t.subject }, values);
    let preheader = interpolate(&t.preheader, values);
    let question = interpolate(&t.question, values);
    let expiry = interpolate(&t.expiry, values);
    let why = interpolate(if is_reminder { &t.why_again } else { &t.why }, values);
    let marked = [
        ("title", html! { (title) }),
        ("at_site", at_linked_site),
        ("address", html! { strong { (address) } }),
    ];
    let link = inline_link(&look, confirmation.confirm_url, confirmation.confirm_url);

    let rows = html! {
        (row(html! {
            (headline(&look, &question))
            (paragraph(interpolate_markup(&t.asked, &marked)))
            (paragraph(html! { (t.confirm) }))
            (button(&look, confirmation.confirm_url, &t.button))
            (small_print(html! { (expiry) " " (t.or_open) br; (link) }))
            (small_print(html! { (t.ignore) }))
        }))
        (row_end())
    };
    let html = transactional(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.header(masthead);
    part.paragraph(0, &question).gap();
    part.paragraph(0, &interpolate(&t.asked, values)).gap();
    part.paragraph(0, &format!("{} {}", t.confirm, t.open)).gap();
    part.link(0, confirmation.confirm_url).gap();
    part.paragraph(0, &expiry).gap();
    part.paragraph(0, &t.ignore).gap();
    part.footer(&why, masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}
