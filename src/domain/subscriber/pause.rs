//! A pause: from now until a date, a reader gets nothing, and then it goes on by itself.

use crate::domain::newsletter::{Newsletter, WhoseClock};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// Longest pause, in days. Who is away for longer than a year has left.
pub const MAX_DAYS: i32 = 366;

/// A reader's days: on the newsletter's clock, or on their own where issues come by that.
pub fn zone_of<'a>(newsletter: &'a Newsletter, own: Option<&'a TimeZone>) -> &'a TimeZone {
    match newsletter.clock {
        WhoseClock::Newsletter => &newsletter.time_zone,
        WhoseClock::Reader => own.unwrap_or(&newsletter.time_zone),
    }
}

/// The first and the last day until which a pause may last: tomorrow, and a year from now.
pub fn bounds(zone: &TimeZone, now: Timestamp) -> (Date, Date) {
    let today = zone.to_datetime(now).date();
    let in_days = |days: i32| today.saturating_add(Span::new().days(days));
    (in_days(1), in_days(MAX_DAYS))
}

/// Reads a day until which a pause may last, such as `2026-08-15`, within [`bounds`].
pub fn parse_until(text: &str, (first, last): (Date, Date)) -> Option<Date> {
    text.trim().parse().ok().filter(|date| (first..=last).contains(date))
}

/// When a pause until a day ends: with that day. Issues of that day count from the day before on where readers live further east;
/// they end pauses by their date.
pub fn resumes_at(until: Date, zone: &TimeZone) -> Timestamp {
    // Beyond the calendar's end there is nothing to resume.
    until.to_zoned(zone.clone()).map_or(Timestamp::MAX, |day| day.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lasts_from_a_day_to_a_year_on_the_readers_clock() {
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        // The second of May in Auckland.
        let now: Timestamp = "2026-05-01T13:00:00Z".parse().unwrap();
        for (text, taken) in [
            ("2026-05-02", false),
            ("2026-05-03", true),
            (" 2027-05-03 ", true),
            ("2027-05-04", false),
            ("2026-02-30", false),
            ("", false),
            ("tomorrow", false),
        ] {
            assert_eq!(parse_until(text, bounds(&zone, now)).is_some(), taken, "{text}");
        }
    }

    #[test]
    fn it_ends_when_the_day_begins_even_where_that_is_not_at_midnight() {
        let ends = |zone: &str, day: &str| {
            resumes_at(day.parse().unwrap(), &TimeZone::get(zone).unwrap()).to_string()
        };
        assert_eq!(ends("Europe/Berlin", "2026-05-03"), "2026-05-02T22:00:00Z");
        // Clocks went from 00:00 to 01:00.
        assert_eq!(ends("America/Sao_Paulo", "2018-11-04"), "2018-11-04T03:00:00Z");
    }
}
