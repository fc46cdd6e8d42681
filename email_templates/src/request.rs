//! Emails with links that a reader requested on their preferences page: to a data export, or to a change of
//! address, which both addresses confirm.

use maud::html;

use crate::i18n::{interpolate, interpolate_markup};
use crate::layout::{
    button, headline, inline_link, paragraph, row, small_print, space, transactional, whole,
};
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::{Direction, tidy};
use crate::{Email, Masthead, href};

#[derive(Debug, Clone, Copy)]
pub enum RequestKind<'a> {
    DataExport,
    /// A change of address; this email goes to the old address.
    OldAddress {
        new: &'a str,
    },
    /// A change of address; this email goes to the new address. It doesn't name the old one, because the new
    /// address may be a stranger's.
    NewAddress,
}

#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The newsletter whose preferences page the request came from.
    pub masthead: Masthead<'a>,
    pub kind: RequestKind<'a>,
    /// Link to the page that carries out the request, used verbatim.
    pub url: &'a str,
    pub expires_in_days: u32,
    pub address: &'a str,
}

/// Renders the email.
pub fn render(request: &Request<'_>) -> Email {
    let (masthead, texts) = &request.masthead.localized();
    let t = &texts.request;
    let look = Look::from_theme(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(request.address);
    let days = texts.days(request.expires_in_days);
    let new = match request.kind {
        RequestKind::OldAddress { new } => tidy(new),
        RequestKind::DataExport | RequestKind::NewAddress => String::new(),
    };
    let values = &[("title", title.as_str()), ("address", &address), ("new", &new), ("days", &days)];
    let (subject, asked, label, ignore) = match request.kind {
        RequestKind::DataExport => (&t.export_subject, &t.export_asked, &t.export_button, &t.export_ignore),
        RequestKind::OldAddress { .. } => (&t.old_subject, &t.old_asked, &t.change_button, &t.old_ignore),
        RequestKind::NewAddress => (&t.new_subject, &t.new_asked, &t.change_button, &t.new_ignore),
    };
    let heading = interpolate_markup(subject, &[("title", whole(&title))]);
    let subject = interpolate(subject, values);
    let expiry = interpolate(&t.expiry, values);
    let why = interpolate(&t.why, values);
    let strong = |text: &str| html! { strong { (text) } };
    let marked = [("title", html! { (title) }), ("address", strong(&address)), ("new", strong(&new))];

    let link = inline_link(&look, request.url, href::display_url(request.url));
    let rows = row(
        28,
        html! {
            (headline(&look, heading))
            (paragraph(interpolate_markup(asked, &marked)))
            (space(20))
            (button(&look, request.url, label, None, Direction::of_language(masthead.language)))
            (space(14))
            (small_print(html! { (texts.shared.or_open) br; (link) }))
            (small_print(html! { (expiry) " " (ignore) }))
        },
    );
    let html = transactional(masthead, &look, &subject, &expiry, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.header(masthead);
    part.paragraph(0, &subject).gap();
    part.paragraph(0, &interpolate(asked, values)).gap();
    part.paragraph(0, &texts.label(label)).link(0, request.url).gap();
    part.paragraph(0, &expiry).gap();
    part.paragraph(0, ignore).gap();
    part.footer(&why, masthead);
    Email { subject, preheader: expiry, html, text: part.finish(), language: masthead.language.to_owned() }
}
