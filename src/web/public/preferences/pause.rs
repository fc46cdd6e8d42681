//! A break: its form, and the notice while it lasts.

use crate::{
    domain::subscriber::pause,
    i18n::interpolate,
    web::public::preferences::{view::PageView, with_newsletter},
};
use maud::{Markup, html};

/// Renders the notice about a current break, with the button to end it.
pub(super) fn notice(page: &PageView<'_>) -> Markup {
    let (texts, it) = (page.locale.texts, &page.reader.newsletter.newsletter);
    let t = &texts.preferences;
    html! {
        @if let Some(until) = page.reader.paused {
            div.notice role="status" {
                p {
                    strong {
                        @match until {
                            Some(date) => (interpolate(&t.paused_until, &[("date", &texts.issues.long_date(date))])),
                            None => (t.paused),
                        }
                    }
                    " " (with_newsletter(&t.paused_hint, &it.title))
                }
                form method="post" action=(page.action()) { button type="submit" name="do" value="resume" { (t.resume) } }
            }
        }
    }
}

pub(super) fn form(page: &PageView<'_>) -> Markup {
    let (t, reader) = (&page.locale.texts.preferences, page.reader);
    let zone = pause::effective_zone(&reader.newsletter.newsletter, reader.preferences.time_zone.as_ref());
    let (first, last) = pause::bounds(zone, page.now);
    let until = reader.paused.flatten().map(|date| date.to_string()).unwrap_or_default();
    html! {
        form.choices method="post" action=(page.action()) {
            fieldset {
                legend { (t.pause_title) }
                p.hint #break-hint { (t.pause_hint) }
                (page.message("until"))
                label for="until" { (t.until) }
                input #until type="date" name="until" value=(until) min=(first) max=(last) required
                    aria-invalid=[page.is_invalid("until")] aria-describedby=[page.description("until", Some("break-hint"))];
            }
            button.quiet type="submit" name="do" value="pause" {
                @if reader.paused.is_some() { (t.change_pause) } @else { (t.pause) }
            }
        }
    }
}
