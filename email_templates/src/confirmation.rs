//! The email that asks to confirm a signup, the second step of double opt-in: the button first, then what
//! readers will get. An unconfirmed address gets no other email but one reminder.

use maud::{Markup, html};

use crate::dates::single_full_stops;
use crate::i18n::{self, interpolate, interpolate_markup};
use crate::layout::{
    box_title, button, headline, inline_link, marked_list, paragraph, quiet_link, row, small_print, space,
    tinted_box, transactional, whole,
};
use crate::promise::Promise;
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::{Direction, tidy};
use crate::{Email, Masthead, href};

#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    pub masthead: Masthead<'a>,
    /// Link that confirms the signup, used verbatim; may be a placeholder.
    pub confirm_url: &'a str,
    pub expires_in_days: u32,
    /// The address that was entered in the signup form.
    pub address: &'a str,
    /// All newsletters that the link confirms.
    pub newsletters: &'a [PromisedNewsletter<'a>],
}

/// A newsletter that a signup is for.
#[derive(Debug, Clone, Copy)]
pub struct PromisedNewsletter<'a> {
    pub title: &'a str,
    pub promise: Promise<'a>,
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
    let titles: Vec<String> = confirmation.newsletters.iter().map(|it| tidy(it.title)).collect();
    let title = titles.join(", ");
    let address = tidy(confirmation.address);
    let at_site = masthead.at_site(texts);
    let days = texts.days(confirmation.expires_in_days);
    let values = &[("title", title.as_str()), ("days", &days), ("at_site", &at_site), ("address", &address)];

    let subject = interpolate(if is_reminder { &t.reminder } else { &t.subject }, values);
    let facts = facts(confirmation, masthead.language);
    let promised = match confirmation.newsletters {
        [only] => single_full_stops(&format!(" {}.", only.promise.rhythm(masthead.language))),
        _ => String::new(),
    };
    let preheader = format!("{}{promised}", t.preheader);
    let expiry = interpolate(&t.expiry, values);
    let why = if is_reminder { &t.why_again } else { &t.why };
    let linked_site = masthead.home().map(|url| {
        let site = quiet_link(url, href::host(url));
        html! { " " (interpolate_markup(&texts.shared.at_site, &[("site", site)])) }
    });
    let marked: [(&str, Markup); 3] = [
        ("title", whole(&title)),
        ("at_site", linked_site.unwrap_or_default()),
        ("address", html! { strong { (address) } }),
    ];
    let below = [("address", html! { (address) }), ("at_site", marked[1].1.clone())];
    let url = confirmation.confirm_url;
    let direction = Direction::of_language(masthead.language);
    let items: Vec<Markup> = facts.iter().map(|fact| html! { (fact) }).collect();

    let rows = html! {
        (row(28, html! {
            (headline(&look, html! { (t.question) }))
            (paragraph(interpolate_markup(&t.asked, &marked)))
            (space(20))
            (button(&look, url, &t.button, None, direction))
        }))
        (row(28, tinted_box(&look, html! { (box_title(&texts.promise.title)) (marked_list(&look, "✓", &items)) })))
        (row(14, html! {
            (small_print(html! { (texts.shared.or_open) br; (inline_link(&look, url, href::display_url(url))) }))
            (small_print(html! { (expiry) " " (t.ignore) }))
        }))
    };
    let html = transactional(masthead, &look, &subject, &preheader, rows, &[interpolate_markup(why, &below)]);

    let mut part = TextPart::default();
    part.header(masthead);
    part.paragraph(0, &t.question).gap();
    part.paragraph(0, &interpolate(&t.asked, values)).gap();
    part.paragraph(0, &texts.label(&t.button)).link(0, url).gap();
    part.paragraph(0, &texts.label(&texts.promise.title));
    for fact in &facts {
        part.hanging("- ", fact);
    }
    part.gap();
    part.paragraph(0, &format!("{expiry} {}", t.ignore)).gap();
    part.footer(&interpolate(why, values), masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}

/// Lists the facts: of one newsletter all that is known, of several a line each.
fn facts(confirmation: &Confirmation<'_>, language: &str) -> Vec<String> {
    let label = |title: &str| i18n::texts_in(language).label(&tidy(title));
    match confirmation.newsletters {
        [] => Vec::new(),
        [only] => only.promise.facts(language),
        several => {
            let rhythms =
                several.iter().map(|it| format!("{} {}", label(it.title), it.promise.rhythm(language)));
            rhythms.chain(several[0].promise.facts(language).pop()).collect()
        }
    }
}
