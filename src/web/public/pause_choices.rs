//! The days that forms offer for the end of a break.

use crate::{
    domain::{
        newsletter::Newsletter,
        subscriber::{pause, preferences::Preferences},
    },
    i18n::{Locale, interpolate},
};
use jiff::{Span, Timestamp, civil::Date};
use maud::{Markup, html};

/// A day, and the text for it.
pub struct PauseChoice {
    date: Date,
    label: String,
}

/// Returns the choices: in two and four weeks, in three and six months.
pub fn choices(
    newsletter: &Newsletter,
    preferences: &Preferences,
    locale: Locale,
    now: Timestamp,
) -> Vec<PauseChoice> {
    let zone = pause::effective_zone(newsletter, preferences.time_zone.as_ref());
    let today = zone.to_datetime(now).date();
    let t = &locale.texts.preferences;
    let spans = [Span::new().weeks(2), Span::new().weeks(4), Span::new().months(3), Span::new().months(6)];
    let labels = t.in_weeks.split('|').chain(t.in_months.split('|'));
    spans
        .into_iter()
        .zip(labels)
        .map(|(span, label)| PauseChoice { date: today.saturating_add(span), label: label.to_owned() })
        .collect()
}

/// Adds a day that is none of the choices.
pub fn with_date(mut choices: Vec<PauseChoice>, date: Date, locale: Locale) -> Vec<PauseChoice> {
    if choices.iter().all(|it| it.date != date) {
        let t = &locale.texts.preferences;
        let label = interpolate(&t.on_date, &[("date", &locale.dates.date(date))]);
        choices.insert(0, PauseChoice { date, label });
    }
    choices
}

/// Renders the options of a list.
pub fn options(choices: &[PauseChoice], selected: Option<Date>) -> Markup {
    html! {
        @for it in choices {
            option value=(it.date) selected[selected == Some(it.date)] { (it.label) }
        }
    }
}
