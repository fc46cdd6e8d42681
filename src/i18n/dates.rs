//! Dates, times and frequencies in the words of a language.

use crate::{
    domain::{
        issue::days::Days,
        newsletter::{Newsletter, SendClock},
    },
    i18n::{Dates, Locale, interpolate},
};
use jiff::civil::{Date, Time, Weekday};

/// The formats of American English, which is the only language with two sets of them.
const AMERICAN_FULL: &str = "{weekday}, {month} {day}, {year}";
const AMERICAN_DAY: &str = "{weekday}, {month} {day}";
const AMERICAN_DATE: &str = "{month} {day}, {year}";
const NO_BREAK_SPACE: char = '\u{a0}';

impl Locale {
    /// `Monday 30 November 2026`.
    pub fn full_date(self, date: Date) -> String {
        self.texts.dates.format(if self.is_american { AMERICAN_FULL } else { &self.texts.dates.full }, date)
    }

    /// `Monday 30 November`.
    pub fn day_and_month(self, date: Date) -> String {
        self.texts.dates.format(if self.is_american { AMERICAN_DAY } else { &self.texts.dates.day }, date)
    }

    /// `30 November 2026`.
    pub fn long_date(self, date: Date) -> String {
        if self.is_american {
            self.texts.dates.format(AMERICAN_DATE, date)
        } else {
            self.texts.dates.long(date)
        }
    }

    /// Formats a month, such as "November 2026".
    pub fn month(self, date: Date) -> String {
        self.texts.dates.format(&self.texts.dates.month, date)
    }

    /// `Monday 30`, below the name of the month.
    pub fn day_in_month(self, date: Date) -> String {
        self.texts.dates.format(&self.texts.dates.in_month, date)
    }

    /// Returns the name of a day, such as "Monday".
    pub fn weekday(self, day: Weekday) -> &'static str {
        nth(&self.texts.dates.weekdays, ' ', day.to_monday_zero_offset())
    }

    /// A day in relation to today, for sentences: `tomorrow, Tuesday 1 December`. Another language may need a
    /// comma behind it, if the sentence goes on.
    fn coming_day(self, date: Date, today: Date) -> String {
        let t = &self.texts.dates;
        let text = match today.until(date).map(|span| span.get_days()) {
            Ok(0) => &t.today,
            Ok(1) => &t.tomorrow,
            _ => &t.on,
        };
        interpolate(text, &[("date", &self.day_and_month(date))])
    }

    /// `on Friday 4 December`, at the end of a sentence.
    pub fn coming(self, date: Date, today: Date) -> String {
        self.coming_day(date, today).trim_end_matches(',').to_owned()
    }

    /// `tomorrow, Tuesday 1 December at 6.30 am`.
    pub fn coming_at(self, date: Date, today: Date, it: &Newsletter) -> String {
        self.at(&self.coming_day(date, today), it)
    }

    /// A time of day as people say it: `6.30 am`, `6:30 a.m.`, `6.30 Uhr`, `6 h 30`, `6:30`, `6h30`.
    pub fn time(self, time: Time) -> String {
        let (hour, minute) = (time.hour(), time.minute());
        let space = NO_BREAK_SPACE;
        let minutes = |before: &str| if minute == 0 { String::new() } else { format!("{before}{minute:02}") };
        match self.language {
            "de" => format!("{hour}{}{space}Uhr", minutes(".")),
            "fr" if minute == 0 => format!("{hour}{space}h"),
            "fr" => format!("{hour}{space}h{space}{minute:02}"),
            "es" => format!("{hour}:{minute:02}"),
            "pt" => format!("{hour}h{}", minutes("")),
            _ => {
                let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
                match (self.is_american, hour, minute) {
                    (true, 12, 0) => "noon".to_owned(),
                    (false, 12, 0) => format!("12{space}noon"),
                    (_, 0, 0) => "midnight".to_owned(),
                    (true, ..) => {
                        format!("{hour12}{}{space}{}", minutes(":"), if hour < 12 { "a.m." } else { "p.m." })
                    }
                    (false, ..) => {
                        format!("{hour12}{}{space}{}", minutes("."), if hour < 12 { "am" } else { "pm" })
                    }
                }
            }
        }
    }

    /// The days of a newsletter: `every day`, `every weekday`, `every Monday and Friday`.
    pub fn every(self, days: Days) -> String {
        let t = &self.texts.dates;
        match days {
            Days::DAILY => t.every_day.clone(),
            Days::WEEKDAYS => t.every_weekday.clone(),
            _ => {
                let each = days.weekdays().map(|day| nth(&t.each, '|', day.to_monday_zero_offset()));
                interpolate(&t.every, &[("days", &self.list(each))])
            }
        }
    }

    /// One day of each week: `every Friday`.
    pub fn every_week(self, day: Weekday) -> String {
        let t = &self.texts.dates;
        interpolate(&t.every, &[("days", nth(&t.each, '|', day.to_monday_zero_offset()))])
    }

    /// Joins names: `a`, `a and b`, `a, b and c`.
    pub fn list<'a>(self, names: impl IntoIterator<Item = &'a str>) -> String {
        let names: Vec<&str> = names.into_iter().collect();
        match names.as_slice() {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [rest @ .., last] => {
                interpolate(&self.texts.dates.and, &[("names", &rest.join(", ")), ("last", last)])
            }
        }
    }

    /// When a newsletter comes: `every weekday at 6.30 am`.
    pub fn frequency(self, it: &Newsletter) -> String {
        self.at(&self.every(it.days), it)
    }

    /// Adds a newsletter's send time to a day, such as `every Friday` or `Tuesday 1 December`.
    pub fn at(self, day: &str, it: &Newsletter) -> String {
        let t = &self.texts.dates;
        let text = match it.clock {
            SendClock::Newsletter => &t.at,
            SendClock::Reader => &t.at_readers_clock,
        };
        interpolate(text, &[("day", day), ("time", &self.time(it.send_time))])
    }
}

impl Dates {
    /// `30 November 2026`.
    pub(super) fn long(&self, date: Date) -> String {
        self.format(&self.date, date)
    }

    fn format(&self, text: &str, date: Date) -> String {
        // The first of a month is an ordinal in French.
        let day = if date.day() == 1 { self.first.clone() } else { date.day().to_string() };
        interpolate(
            text,
            &[
                ("weekday", nth(&self.weekdays, ' ', date.weekday().to_monday_zero_offset())),
                ("day", &day),
                ("month", nth(&self.months, ' ', date.month() - 1)),
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

fn nth(names: &str, separator: char, index: i8) -> &str {
    names.split(separator).nth(usize::from(index.unsigned_abs())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::find_locale;
    use jiff::civil::{date, time};

    fn locale(tag: &str) -> Locale {
        find_locale(tag).unwrap()
    }

    #[test]
    fn dates_follow_the_conventions_of_language_and_region() {
        let day = date(2026, 11, 30);
        for (tag, full, short, in_month) in [
            ("en-GB", "Monday 30 November 2026", "Monday 30 November", "Monday 30"),
            ("en-US", "Monday, November 30, 2026", "Monday, November 30", "Monday 30"),
            ("de", "Montag, 30. November 2026", "Montag, 30. November", "Montag, 30."),
            ("fr", "lundi 30 novembre 2026", "lundi 30 novembre", "lundi 30"),
            ("es", "lunes, 30 de noviembre de 2026", "lunes, 30 de noviembre", "lunes 30"),
            (
                "pt-BR",
                "segunda-feira, 30 de novembro de 2026",
                "segunda-feira, 30 de novembro",
                "segunda-feira, 30",
            ),
        ] {
            let it = locale(tag);
            assert_eq!(
                (it.full_date(day), it.day_and_month(day), it.day_in_month(day)),
                (full.into(), short.into(), in_month.into()),
                "{tag}"
            );
        }
        assert_eq!(locale("fr").day_and_month(date(2026, 12, 1)), "mardi 1er décembre");
        assert_eq!(locale("de").month(day), "November 2026");
        assert_eq!(locale("es").month(day), "noviembre de 2026");
        assert_eq!(locale("en-US").long_date(day), "November 30, 2026");
    }

    #[test]
    fn coming_days_are_named_by_their_distance() {
        let (today, it) = (date(2026, 11, 30), Newsletter::default());
        let say = |tag: &str, day| locale(tag).coming_at(day, today, &it).replace(NO_BREAK_SPACE, " ");
        assert_eq!(say("en", date(2026, 12, 1)), "tomorrow, Tuesday 1 December at 7 am");
        assert_eq!(say("de", date(2026, 12, 4)), "am Freitag, 4. Dezember, um 7 Uhr");
        assert_eq!(locale("de").coming(today, today), "heute, Montag, 30. November");
        assert_eq!(locale("es").coming(date(2026, 12, 4), today), "el viernes, 4 de diciembre");
    }

    #[test]
    fn times_are_written_as_people_say_them() {
        for (tag, half_past, full, noon) in [
            ("en", "6.30 am", "7 pm", "12 noon"),
            ("en-US", "6:30 a.m.", "7 p.m.", "noon"),
            ("de", "6.30 Uhr", "19 Uhr", "12 Uhr"),
            ("fr", "6 h 30", "19 h", "12 h"),
            ("es", "6:30", "19:00", "12:00"),
            ("pt", "6h30", "19h", "12h"),
        ] {
            let say = |hour, minute| locale(tag).time(time(hour, minute, 0, 0)).replace(NO_BREAK_SPACE, " ");
            assert_eq!(
                (say(6, 30), say(19, 0), say(12, 0)),
                (half_past.into(), full.into(), noon.into()),
                "{tag}"
            );
        }
    }

    #[test]
    fn a_frequency_names_days_and_time() {
        let mut it =
            Newsletter { days: Days::WEEKDAYS, send_time: time(6, 30, 0, 0), ..Newsletter::default() };
        let say = |tag: &str, it: &Newsletter| locale(tag).frequency(it).replace(NO_BREAK_SPACE, " ");
        assert_eq!(say("en", &it), "every weekday at 6.30 am");
        assert_eq!(say("de", &it), "montags bis freitags um 6.30 Uhr");
        it.days = Days::parse("mon,wed,fri").unwrap();
        it.clock = SendClock::Reader;
        assert_eq!(say("en-US", &it), "every Monday, Wednesday and Friday at 6:30 a.m. your time");
        assert_eq!(say("fr", &it), "le lundi, le mercredi et le vendredi à 6 h 30, heure locale");
    }
}
