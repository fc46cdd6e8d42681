//! Dates, times and lists by the conventions of a language and region. Emails and pages write them alike.

use jiff::civil::{Date, Time, Weekday};
use serde::Deserialize;

use crate::i18n::interpolate;

/// The conventions of a language, or of a region with its own. The texts are in `i18n/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dates {
    months: String,
    weekdays: String,
    first: String,
    long: String,
    day: String,
    of_year: String,
    short: String,
    coming: String,
    month: String,
    in_month: String,
    time: String,
    hour: String,
    am: String,
    pm: String,
    noon: String,
    midnight: String,
    at: String,
    at_one: String,
    and: String,
}

impl Dates {
    /// "Saturday 22 November 2025".
    pub fn full(&self, date: Date) -> String {
        self.format(&self.long, date)
    }

    /// "Saturday 22 November".
    pub fn day(&self, date: Date) -> String {
        self.format(&self.day, date)
    }

    /// "22 November 2025".
    pub fn date(&self, date: Date) -> String {
        self.format(&self.of_year, date)
    }

    /// "22 November", with the year if it differs from the issue's.
    pub fn short(&self, date: Date, issue: Date) -> String {
        self.format(if date.year() == issue.year() { &self.short } else { &self.of_year }, date)
    }

    /// "Saturday 22 November", to be used after a word such as "on".
    pub(crate) fn coming(&self, date: Date) -> String {
        self.format(&self.coming, date)
    }

    /// Formats a month: "November 2025".
    pub fn month(&self, date: Date) -> String {
        self.format(&self.month, date)
    }

    /// "Saturday 22", below the name of the month.
    pub fn day_in_month(&self, date: Date) -> String {
        self.format(&self.in_month, date)
    }

    /// Returns the name of a day: "Saturday".
    pub fn weekday(&self, day: Weekday) -> &str {
        nth(&self.weekdays, day.to_monday_zero_offset())
    }

    /// A time of day as people say it: "6:30 am", "noon".
    pub fn time(&self, time: Time) -> String {
        let (hour, minute) = (time.hour(), time.minute());
        let text = match (hour, minute) {
            (0, 0) => &self.midnight,
            (12, 0) => &self.noon,
            (_, 0) => &self.hour,
            _ => &self.time,
        };
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        interpolate(
            text,
            &[
                ("hour", &hour.to_string()),
                ("hour12", &hour12.to_string()),
                ("minute", &format!("{minute:02}")),
                ("half", if hour < 12 { self.am.as_str() } else { self.pm.as_str() }),
            ],
        )
    }

    /// A time with its preposition: "at 6:30 am".
    pub fn at(&self, time: Time) -> String {
        let text = if time.hour() == 1 { &self.at_one } else { &self.at };
        interpolate(text, &[("time", &self.time(time))])
    }

    /// "Monday, Wednesday and Friday".
    pub fn list(&self, items: &[&str]) -> String {
        match items {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [some @ .., last] => interpolate(&self.and, &[("some", &some.join(", ")), ("last", last)]),
        }
    }

    fn format(&self, text: &str, date: Date) -> String {
        // The first of a month is an ordinal in French.
        let day = if date.day() == 1 { self.first.clone() } else { date.day().to_string() };
        interpolate(
            text,
            &[
                ("weekday", self.weekday(date.weekday())),
                ("day", &day),
                ("month", nth(&self.months, date.month() - 1)),
                ("year", &date.year().to_string()),
            ],
        )
    }
}

/// Capitalizes the first letter, for a text that begins a line.
pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Removes the second full stop of a sentence that ends in "a.m." or "p.m.".
pub fn single_full_stops(text: &str) -> String {
    text.replace(".m..", ".m.")
}

fn nth(names: &str, index: i8) -> &str {
    names.split(' ').nth(usize::from(index.unsigned_abs())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn dates_follow_the_conventions_of_each_language() {
        let day = date(2025, 11, 22);
        for (tag, full, day_only, in_month, new_year) in [
            ("en", "Saturday 22 November 2025", "Saturday 22 November", "Saturday 22", "1 January"),
            ("en-us", "Saturday, November 22, 2025", "Saturday, November 22", "Saturday 22", "January 1"),
            ("en_CA", "Saturday, November 22, 2025", "Saturday, November 22", "Saturday 22", "January 1"),
            ("de-AT", "Samstag, 22. November 2025", "Samstag, 22. November", "Samstag, 22.", "1. Januar"),
            ("fr", "samedi 22 novembre 2025", "samedi 22 novembre", "samedi 22", "1er janvier"),
            ("es", "sábado, 22 de noviembre de 2025", "sábado, 22 de noviembre", "sábado 22", "1 de enero"),
            (
                "pt_BR",
                "sábado, 22 de novembro de 2025",
                "sábado, 22 de novembro",
                "sábado, 22",
                "1 de janeiro",
            ),
            ("ja", "Saturday 22 November 2025", "Saturday 22 November", "Saturday 22", "1 January"),
        ] {
            let dates = Dates::of(tag);
            let own = [dates.full(day), dates.day(day), dates.day_in_month(day)];
            assert_eq!(own, [full, day_only, in_month], "{tag}");
            assert_eq!(dates.short(date(2025, 1, 1), day), new_year);
        }
        assert_eq!(Dates::of("en-US").short(date(2024, 12, 31), date(2025, 1, 1)), "December 31, 2024");
        assert_eq!(Dates::of("en").short(date(2024, 12, 31), date(2025, 1, 1)), "31 December 2024");
        assert_eq!(Dates::of("en-US").date(day), "November 22, 2025");
        assert_eq!(
            (Dates::of("de").month(day), Dates::of("es").month(day)),
            ("November 2025".to_owned(), "noviembre de 2025".to_owned())
        );
        assert_eq!(capitalize(&Dates::of("fr").full(day)), "Samedi 22 novembre 2025");
    }

    #[test]
    fn times_are_written_as_people_say_them() {
        for (tag, half_past, evening, noon, at_one) in [
            ("en", "6:30 am", "7 pm", "noon", "at 1 am"),
            ("en-GB", "6.30 am", "7 pm", "noon", "at 1 am"),
            ("en-US", "6:30 a.m.", "7 p.m.", "noon", "at 1 a.m."),
            ("de", "6.30 Uhr", "19 Uhr", "12 Uhr", "um 1 Uhr"),
            ("fr", "6\u{a0}h\u{a0}30", "19\u{a0}h", "midi", "à 1\u{a0}h"),
            ("es", "6:30", "19:00", "12:00", "a la 1:00"),
            ("pt", "6h30", "19h", "12h", "à 1h"),
        ] {
            let dates = Dates::of(tag);
            let own = [time(6, 30, 0, 0), time(19, 0, 0, 0), time(12, 0, 0, 0)].map(|it| dates.time(it));
            assert_eq!(own, [half_past, evening, noon], "{tag}");
            assert_eq!(dates.at(time(1, 0, 0, 0)), at_one, "{tag}");
        }
    }

    #[test]
    fn names_are_listed_and_complete() {
        assert_eq!(Dates::of("en").list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(Dates::of("de").list(&["a"]), "a");
        for tag in ["en", "de", "es", "fr", "pt", "en-US"] {
            let dates = Dates::of(tag);
            let count = |names: &str| names.split(' ').count();
            assert_eq!((count(&dates.months), count(&dates.weekdays)), (12, 7), "{tag}");
        }
    }

    #[test]
    fn a_sentence_ends_with_one_full_stop() {
        assert_eq!(single_full_stops("Until 7 p.m.. Or so..."), "Until 7 p.m. Or so...");
    }

    #[test]
    fn only_a_region_with_its_own_conventions_has_them() {
        assert!(Dates::of_region("en-GB").is_some() && Dates::of_region("EN_us").is_some());
        assert!(Dates::of_region("en").is_none() && Dates::of_region("de-AT").is_none());
    }
}
