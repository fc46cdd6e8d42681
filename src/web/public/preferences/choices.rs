//! The first form: how often, about what, when.

use crate::{
    domain::{
        content::article::title_key,
        issue::days::Days,
        newsletter::{Newsletter, SendClock},
        subscriber::{cadence::Cadence, preferences::Preferences},
        zones,
    },
    i18n::{self, Preferences as Words, fill},
    web::public::preferences::view::Page,
};
use jiff::civil::Weekday;
use maud::{Markup, html};
use std::collections::BTreeMap;

pub(super) fn form(page: &Page<'_>) -> Markup {
    let (say, it) = (page.speech.say, &page.choice.newsletter.newsletter);
    html! {
        form.choices method="post" action=(page.action()) {
            (cadences(page))
            (sections(page))
            @if it.clock == SendClock::Reader { (clock(page)) }
            (language(page))
            button type="submit" { (say.save) }
        }
    }
}

/// How often: the ways that differ for a newsletter with issues on these days.
fn cadences(page: &Page<'_>) -> Markup {
    let (say, it) = (page.speech.say, &page.choice.newsletter.newsletter);
    let chosen = page.choice.preferences.cadence;
    let ways = [
        (Cadence::EveryIssue, &say.every_issue, days_in_words(it.days, say)),
        (Cadence::Weekdays, &say.weekdays, say.monday_to_friday.clone()),
        (Cadence::Weekly, &say.weekly, day_name(it.days.last(), say).to_owned()),
    ];
    let offered = |way: Cadence| way == chosen || way.is_meaningful(it.days);
    html! {
        fieldset aria-describedby=[page.description("cadence", None)] {
            legend { (say.how_often) }
            (page.message("cadence"))
            @for (way, name, hint) in ways.iter().filter(|(way, ..)| offered(*way)) {
                label.choice {
                    input type="radio" name="cadence" value=(way) checked[*way == chosen] required;
                    span { (name) " " span.hint { "(" (hint) ")" } }
                }
            }
        }
    }
}

/// About what: the sections of recent articles, and those chosen, of which there may be none just now.
fn sections(page: &Page<'_>) -> Markup {
    let (say, choice) = (page.speech.say, page.choice);
    let chosen = &choice.preferences.sections;
    let mut names: BTreeMap<String, &str> =
        choice.sections.iter().map(|name| (title_key(name), name.as_str())).collect();
    for key in chosen.keys() {
        names.entry(key.clone()).or_insert(key);
    }
    html! {
        // Also where there is nothing to tick any more.
        (page.message("sections"))
        @if !names.is_empty() {
            fieldset aria-describedby=[page.description("sections", None)] {
                legend { (say.about_what) }
                p.hint { (say.about_what_hint) }
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

/// When: a time on the reader's clock.
fn clock(page: &Page<'_>) -> Markup {
    let (say, it) = (page.speech.say, &page.choice.newsletter.newsletter);
    let chosen = &page.choice.preferences;
    let zone = chosen.time_zone_name();
    let regions = zones::by_region();
    let is_listed = |zone: &str| regions.values().flatten().any(|it| it == zone);
    html! {
        fieldset {
            legend { (say.when) }
            (page.message("send_time"))
            label for="send-time" { (say.time_of_day) }
            input #send-time type="time" name="send_time" value=(chosen.send_time_text().unwrap_or_default())
                aria-invalid=[page.is_invalid("send_time")]
                aria-describedby=[page.description("send_time", Some("send-time-hint"))];
            p.hint #send-time-hint {
                (fill(&say.time_hint, &[("time", &it.send_time.strftime("%H:%M").to_string())]))
            }
            (page.message("time_zone"))
            label for="time-zone" { (say.zone) }
            select #time-zone name="time_zone" autocomplete="off" aria-invalid=[page.is_invalid("time_zone")]
                aria-describedby=[page.description("time_zone", None)] {
                option value="" selected[zone.is_none()] {
                    (fill(&say.own_zone, &[("zone", &zones::display_name(it.time_zone_name()))]))
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

/// In which language: that of the page, until another one is chosen.
fn language(page: &Page<'_>) -> Markup {
    html! {
        fieldset {
            legend { (page.speech.say.language) }
            label for="language" { (page.speech.say.language_hint) }
            select #language name="language" autocomplete="off" {
                @for (tag, name) in i18n::languages() {
                    option value=(tag) lang=(tag) selected[tag == page.speech.language] { (name) }
                }
            }
        }
    }
}

/// What is chosen, in sentences.
pub(super) fn summary(it: &Newsletter, chosen: &Preferences, say: &Words) -> String {
    let mut sentences = vec![match chosen.cadence {
        Cadence::EveryIssue => say.comes_always.clone(),
        Cadence::Weekdays => say.comes_on_weekdays.clone(),
        Cadence::Weekly => fill(&say.comes_weekly, &[("day", day_name(it.days.last(), say))]),
    }];
    if !chosen.sections.is_all() {
        sentences.push(say.with_sections.clone());
    }
    if it.clock == SendClock::Reader {
        let time = chosen.send_time.unwrap_or(it.send_time).strftime("%H:%M").to_string();
        let zone = zones::display_name(chosen.time_zone_name().unwrap_or(it.time_zone_name()));
        sentences.push(fill(&say.comes_at, &[("time", &time), ("zone", &zone)]));
    }
    sentences.join(" ")
}

/// `every day`, `Monday to Friday`, `Monday, Wednesday and Friday`.
fn days_in_words(days: Days, say: &Words) -> String {
    match days {
        Days::DAILY => return say.every_day.clone(),
        Days::WEEKDAYS => return say.monday_to_friday.clone(),
        _ => {}
    }
    let names: Vec<&str> = days.weekdays().map(|day| day_name(day, say)).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => fill(&say.and, &[("days", &rest.join(", ")), ("last", last)]),
    }
}

fn day_name(day: Weekday, say: &Words) -> &str {
    let place = usize::from(day.to_monday_zero_offset().unsigned_abs());
    say.day_names.split(' ').nth(place).unwrap_or_default()
}
