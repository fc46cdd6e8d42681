//! A break: until which day, and its end.

use crate::{
    domain::subscriber::pause,
    web::public::preferences::{of, view::Page},
};
use maud::{Markup, html};

/// What is said about a break that the reader is taking, with the button to end it.
pub(super) fn notice(page: &Page<'_>) -> Markup {
    let (say, it) = (page.speech.say, &page.choice.newsletter.newsletter);
    html! {
        @if let Some(until) = page.choice.paused {
            div.notice role="status" {
                p {
                    strong {
                        @match until {
                            Some(date) => (page.speech.about_date(&say.paused_until, date)),
                            None => (say.paused),
                        }
                    }
                    " " (of(&say.nothing_comes, &it.title))
                }
                form method="post" action=(page.action()) { button type="submit" name="do" value="resume" { (say.resume) } }
            }
        }
    }
}

/// The form.
pub(super) fn form(page: &Page<'_>) -> Markup {
    let (say, choice) = (page.speech.say, page.choice);
    let zone = pause::effective_zone(&choice.newsletter.newsletter, choice.preferences.time_zone.as_ref());
    let (first, last) = pause::bounds(zone, page.now);
    let until = choice.paused.flatten().map(|date| date.to_string()).unwrap_or_default();
    html! {
        form.choices method="post" action=(page.action()) {
            fieldset {
                legend { (say.break_title) }
                p.hint #break-hint { (say.break_hint) }
                (page.message("until"))
                label for="until" { (say.until) }
                input #until type="date" name="until" value=(until) min=(first) max=(last) required
                    aria-invalid=[page.is_invalid("until")] aria-describedby=[page.description("until", Some("break-hint"))];
            }
            button.quiet type="submit" name="do" value="pause" {
                @if choice.paused.is_some() { (say.other_day) } @else { (say.take_break) }
            }
        }
    }
}
