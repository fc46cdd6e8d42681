//! The cards of the preferences: frequency, topics and delivery time.

use crate::{
    domain::{
        content::article::title_key,
        issue::schedule,
        newsletter::{Newsletter, SendClock},
        subscriber::{cadence::Cadence, preferences::Preferences},
        zones,
    },
    i18n::{Locale, capitalize, interpolate},
    web::public::preferences::{card::Card, view::PageView},
};
use jiff::Timestamp;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Renders the frequencies that make a difference on the newsletter's days.
pub(super) fn cadences(page: &PageView<'_>) -> Markup {
    let (t, it) = (&page.locale.texts.preferences, &page.reader.newsletter.newsletter);
    let chosen = page.cadence();
    let weekly = page.locale.every_week(it.days.last());
    let cadences = [
        (Cadence::EveryIssue, &t.every_issue, capitalize(&page.locale.frequency(it))),
        (Cadence::Weekdays, &t.weekdays, capitalize(&t.monday_to_friday)),
        (Cadence::Weekly, &t.weekly, capitalize(&interpolate(&t.weekly_hint, &[("day", &weekly)]))),
    ];
    let is_offered = |cadence: Cadence| cadence == chosen || cadence.is_meaningful(it.days);
    page.card(
        Card::Cadence,
        &html! {
            fieldset aria-describedby=[page.description("cadence", None)] {
                legend { h2 { (t.how_often) } }
                (page.message("cadence"))
                @for (cadence, name, hint) in cadences.iter().filter(|(cadence, ..)| is_offered(*cadence)) {
                    label.choice {
                        input type="radio" name="cadence" value=(cadence) checked[*cadence == chosen];
                        span { (name) small { (hint) } }
                    }
                }
            }
        },
        &page.save_button(Card::Cadence),
    )
}

/// Renders the sections of recent articles and the chosen ones, which may have no recent articles.
pub(super) fn sections(page: &PageView<'_>) -> Markup {
    let (t, reader) = (&page.locale.texts.preferences, page.reader);
    let mut names: BTreeMap<String, &str> =
        reader.sections.iter().map(|name| (title_key(name), name.as_str())).collect();
    for key in reader.preferences.sections.keys() {
        names.entry(key.clone()).or_insert(key);
    }
    if names.is_empty() {
        // A problem is shown even if there are no sections to tick.
        return page.message("sections");
    }
    page.card(
        Card::Sections,
        &html! {
            fieldset aria-describedby=[page.description("sections", None)] {
                legend { h2 { (t.topics) } }
                p.hint { (t.topics_hint) }
                (page.message("sections"))
                input type="hidden" name="sections" value="";
                div.topics lang=(reader.newsletter.newsletter.language) {
                    @for (key, name) in &names {
                        label.choice {
                            input type="checkbox" name="sections" value=(key) checked[page.has_section(key)];
                            span { (name) }
                        }
                    }
                }
            }
        },
        &page.save_button(Card::Sections),
    )
}

/// Renders the time and time zone, for newsletters that follow the reader's clock.
pub(super) fn clock(page: &PageView<'_>) -> Markup {
    let (t, it) = (&page.locale.texts.preferences, &page.reader.newsletter.newsletter);
    let zone = page.time_zone();
    let regions = zones::by_region();
    let is_listed = |zone: &str| regions.values().flatten().any(|it| it == zone);
    page.card(
        Card::Clock,
        &html! {
            h2 { (t.delivery_time) }
            div.field {
                label for="send-time" { (t.time_of_day) }
                input #send-time type="time" name="send_time" value=(page.send_time())
                    aria-invalid=[page.is_invalid("send_time")]
                    aria-describedby=[page.description("send_time", Some("send-time-hint"))];
                (page.message("send_time"))
                p.hint #send-time-hint { (interpolate(&t.time_hint, &[("time", &page.locale.time(it.send_time))])) }
            }
            div.field {
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
                (page.message("time_zone"))
            }
        },
        &page.save_button(Card::Clock),
    )
}

/// Describes preferences in sentences: those of one card, or all of them.
pub(super) fn summary(
    it: &Newsletter,
    chosen: &Preferences,
    locale: Locale,
    card: Option<Card>,
    now: Timestamp,
) -> String {
    let t = &locale.texts.preferences;
    let cadence = match chosen.cadence {
        Cadence::EveryIssue => t.summary_every_issue.clone(),
        Cadence::Weekdays => t.summary_weekdays.clone(),
        Cadence::Weekly => interpolate(&t.summary_weekly, &[("day", locale.dates.weekday(it.days.last()))]),
    };
    let topics = (!chosen.sections.is_all()).then(|| t.summary_topics.clone());
    let time = (it.clock == SendClock::Reader).then(|| {
        let time = locale.time(chosen.send_time.unwrap_or(it.send_time));
        let zone = zones::display_name(chosen.time_zone_name().unwrap_or(it.time_zone_name()));
        interpolate(&t.summary_time, &[("time", &time), ("zone", &zone)])
    });
    let sentences = match card {
        Some(Card::Cadence) => {
            let today = schedule::date_at(it, now);
            let next = schedule::next_date_for(it, chosen.cadence, today);
            vec![interpolate(&t.next_issue, &[("day", &locale.coming(next, today))])]
        }
        Some(Card::Sections) => topics.into_iter().collect(),
        Some(Card::Clock) => time.into_iter().collect(),
        Some(_) => Vec::new(),
        None => [Some(cadence), topics, time].into_iter().flatten().collect(),
    };
    sentences.join(" ")
}
