//! The form of the preferences: frequency, topics, delivery time and language.

use crate::{
    domain::{
        content::article::title_key,
        issue::days::Days,
        newsletter::{Newsletter, SendClock},
        subscriber::{cadence::Cadence, preferences::Preferences},
        zones,
    },
    i18n::{self, Preferences as PreferencesTexts, interpolate},
    web::public::preferences::view::PageView,
};
use jiff::civil::Weekday;
use maud::{Markup, html};
use std::collections::BTreeMap;

pub(super) fn form(page: &PageView<'_>) -> Markup {
    let (t, it) = (&page.locale.texts.preferences, &page.reader.newsletter.newsletter);
    html! {
        form.choices method="post" action=(page.action()) {
            (cadences(page))
            (sections(page))
            @if it.clock == SendClock::Reader { (clock(page)) }
            (language(page))
            button type="submit" { (t.save) }
        }
    }
}

/// Renders the frequencies that make a difference on the newsletter's days.
fn cadences(page: &PageView<'_>) -> Markup {
    let (t, it) = (&page.locale.texts.preferences, &page.reader.newsletter.newsletter);
    let chosen = page.reader.preferences.cadence;
    let cadences = [
        (Cadence::EveryIssue, &t.every_issue, list_of_days(it.days, t)),
        (Cadence::Weekdays, &t.weekdays, t.monday_to_friday.clone()),
        (Cadence::Weekly, &t.weekly, day_name(it.days.last(), t).to_owned()),
    ];
    let is_offered = |cadence: Cadence| cadence == chosen || cadence.is_meaningful(it.days);
    html! {
        fieldset aria-describedby=[page.description("cadence", None)] {
            legend { (t.how_often) }
            (page.message("cadence"))
            @for (cadence, name, hint) in cadences.iter().filter(|(cadence, ..)| is_offered(*cadence)) {
                label.choice {
                    input type="radio" name="cadence" value=(cadence) checked[*cadence == chosen] required;
                    span { (name) " " span.hint { "(" (hint) ")" } }
                }
            }
        }
    }
}

/// Renders the sections of recent articles and the chosen ones, which may have no recent articles.
fn sections(page: &PageView<'_>) -> Markup {
    let (t, reader) = (&page.locale.texts.preferences, page.reader);
    let chosen = &reader.preferences.sections;
    let mut names: BTreeMap<String, &str> =
        reader.sections.iter().map(|name| (title_key(name), name.as_str())).collect();
    for key in chosen.keys() {
        names.entry(key.clone()).or_insert(key);
    }
    html! {
        // A problem is shown even if there are no sections to tick.
        (page.message("sections"))
        @if !names.is_empty() {
            fieldset aria-describedby=[page.description("sections", None)] {
                legend { (t.topics) }
                p.hint { (t.topics_hint) }
                input type="hidden" name="sections" value="";
                div.choice-list {
                    @for (key, name) in &names {
                        label.choice {
                            input type="checkbox" name="sections" value=(key)
                                checked[!chosen.is_all() && chosen.contains(key)];
                            span { (name) }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the time and time zone, for newsletters that follow the reader's clock.
fn clock(page: &PageView<'_>) -> Markup {
    let (t, it) = (&page.locale.texts.preferences, &page.reader.newsletter.newsletter);
    let chosen = &page.reader.preferences;
    let zone = chosen.time_zone_name();
    let regions = zones::by_region();
    let is_listed = |zone: &str| regions.values().flatten().any(|it| it == zone);
    html! {
        fieldset {
            legend { (t.delivery_time) }
            (page.message("send_time"))
            label for="send-time" { (t.time_of_day) }
            input #send-time type="time" name="send_time" value=(chosen.send_time_text().unwrap_or_default())
                aria-invalid=[page.is_invalid("send_time")]
                aria-describedby=[page.description("send_time", Some("send-time-hint"))];
            p.hint #send-time-hint {
                (interpolate(&t.time_hint, &[("time", &it.send_time.strftime("%H:%M").to_string())]))
            }
            (page.message("time_zone"))
            label for="time-zone" { (t.time_zone) }
            select #time-zone name="time_zone" autocomplete="off" aria-invalid=[page.is_invalid("time_zone")]
                aria-describedby=[page.description("time_zone", None)] {
                option value="" selected[zone.is_none()] {
                    (interpolate(&t.newsletter_time_zone, &[("zone", &zones::display_name(it.time_zone_name()))]))
                }
                @if let Some(zone) = zone.filter(|zone| !is_listed(zone)) { option value=(zone) selected { (zone) } }
                @for (region, names) in &regions {
                    optgroup label=(region) {
                        @for name in names {
                            option value=(name) selected[zone == Some(name.as_str())] { (zones::display_name(name)) }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the choice of language, with that of the page selected.
fn language(page: &PageView<'_>) -> Markup {
    let t = &page.locale.texts.preferences;
    html! {
        fieldset {
            legend { (t.language) }
            label for="language" { (t.language_hint) }
            select #language name="language" autocomplete="off" {
                @for (tag, name) in i18n::languages() {
                    option value=(tag) lang=(tag) selected[tag == page.locale.language] { (name) }
                }
            }
        }
    }
}

/// Describes the preferences in sentences.
pub(super) fn summary(it: &Newsletter, chosen: &Preferences, t: &PreferencesTexts) -> String {
    let mut sentences = vec![match chosen.cadence {
        Cadence::EveryIssue => t.summary_every_issue.clone(),
        Cadence::Weekdays => t.summary_weekdays.clone(),
        Cadence::Weekly => interpolate(&t.summary_weekly, &[("day", day_name(it.days.last(), t))]),
    }];
    if !chosen.sections.is_all() {
        sentences.push(t.summary_topics.clone());
    }
    if it.clock == SendClock::Reader {
        let time = chosen.send_time.unwrap_or(it.send_time).strftime("%H:%M").to_string();
        let zone = zones::display_name(chosen.time_zone_name().unwrap_or(it.time_zone_name()));
        sentences.push(interpolate(&t.summary_time, &[("time", &time), ("zone", &zone)]));
    }
    sentences.join(" ")
}

/// `every day`, `Monday to Friday`, `Monday, Wednesday and Friday`.
fn list_of_days(days: Days, t: &PreferencesTexts) -> String {
    match days {
        Days::DAILY => return t.every_day.clone(),
        Days::WEEKDAYS => return t.monday_to_friday.clone(),
        _ => {}
    }
    let names: Vec<&str> = days.weekdays().map(|day| day_name(day, t)).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => interpolate(&t.and, &[("days", &rest.join(", ")), ("last", last)]),
    }
}

fn day_name(day: Weekday, t: &PreferencesTexts) -> &str {
    let index = usize::from(day.to_monday_zero_offset().unsigned_abs());
    t.day_names.split(' ').nth(index).unwrap_or_default()
}
