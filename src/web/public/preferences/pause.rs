//! A break: its card, and the notice while it lasts.

use crate::i18n::interpolate;
use crate::web::public::{
    pause_choices,
    preferences::{card::Card, view::PageView, with_newsletter},
};
use maud::{Markup, html};

/// Renders the notice about a current break, with the button to end it.
pub(super) fn notice(page: &PageView<'_>) -> Markup {
    let it = &page.reader.newsletter.newsletter;
    let t = &page.locale.texts.preferences;
    html! {
        @if let Some(until) = page.reader.paused {
            div.note role="status" {
                p {
                    b {
                        @match until {
                            Some(date) => (interpolate(&t.paused_until, &[("date", &page.locale.dates.date(date))])),
                            None => (t.paused),
                        }
                    }
                    " " (with_newsletter(&t.paused_hint, &it.title))
                }
                p.actions { button.quiet type="submit" name="do" value="resume" { (t.resume) } }
            }
        }
    }
}

pub(super) fn card(page: &PageView<'_>) -> Markup {
    let (t, reader) = (&page.locale.texts.preferences, page.reader);
    let it = &reader.newsletter.newsletter;
    let until = page.until();
    let choices = pause_choices::choices(it, &reader.preferences, page.locale, page.now);
    let choices = match until {
        Some(date) => pause_choices::with_date(choices, date, page.locale),
        None => choices,
    };
    let label = if reader.paused.is_some() { &t.change_pause } else { &t.pause };
    page.card(
        Card::Pause,
        &html! {
            h2 { (t.pause_title) }
            p.hint #break-hint { (t.pause_hint) }
            div.field {
                label for="until" { (t.until) }
                select #until name="until" autocomplete="off" aria-invalid=[page.is_invalid("until")]
                    aria-describedby=[page.description("until", Some("break-hint"))] {
                    (pause_choices::options(&choices, until))
                }
                (page.message("until"))
            }
        },
        &page.quiet_button(Card::Pause, label),
    )
}
