//! Pausing a subscription until a date.

use crate::domain::newsletter::{Newsletter, SendClock};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// Maximum length of a pause, in days. For more than a year, readers can unsubscribe.
pub const MAX_DAYS: i32 = 366;

/// Returns the time zone that a reader's dates refer to: their own if issues follow readers' clocks, else the
/// newsletter's.
pub fn effective_zone<'a>(newsletter: &'a Newsletter, own: Option<&'a TimeZone>) -> &'a TimeZone {
    match newsletter.clock {
        SendClock::Newsletter => &newsletter.time_zone,
        SendClock::Reader => own.unwrap_or(&newsletter.time_zone),
    }
}

/// Returns the first and last date that a pause may end on: tomorrow, and a year from now.
pub fn bounds(zone: &TimeZone, now: Timestamp) -> (Date, Date) {
    let today = zone.to_datetime(now).date();
    let in_days = |days: i32| today.saturating_add(Span::new().days(days));
    (in_days(1), in_days(MAX_DAYS))
}

/// Parses the end date of a pause, such as `2026-08-15`. `None` if it is out of bounds.
pub fn parse_until(text: &str, (first, last): (Date, Date)) -> Option<Date> {
    text.trim().parse().ok().filter(|date| (first..=last).contains(date))
}

/// Returns the time at which a pause ends: the start of the date. Further east, issues of that date may be
/// due a day earlier; they end the pause by their own date.
pub fn resumes_at(until: Date, zone: &TimeZone) -> Timestamp {
    // Out of range only at the end of the calendar.
    until.to_zoned(zone.clone()).map_or(Timestamp::MAX, |day| day.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lasts_from_a_day_to_a_year_on_the_readers_clock() {
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        // 2 May in Auckland.
        let now: Timestamp = "2026-05-01T13:00:00Z".parse().unwrap();
        for (text, accepted) in [
            ("2026-05-02", false),
            ("2026-05-03", true),
            (" 2027-05-03 ", true),
            ("2027-05-04", false),
            ("2026-02-30", false),
            ("", false),
            ("tomorrow", false),
        ] {
            assert_eq!(parse_until(text, bounds(&zone, now)).is_some(), accepted, "{text}");
        }
    }

    #[test]
    fn a_pause_ends_at_the_start_of_the_day_even_without_midnight() {
        let ends = |zone: &str, day: &str| {
            resumes_at(day.parse().unwrap(), &TimeZone::get(zone).unwrap()).to_string()
        };
        assert_eq!(ends("Europe/Berlin", "2026-05-03"), "2026-05-02T22:00:00Z");
        // Clocks were put forward from 00:00 to 01:00.
        assert_eq!(ends("America/Sao_Paulo", "2018-11-04"), "2018-11-04T03:00:00Z");
    }
}
