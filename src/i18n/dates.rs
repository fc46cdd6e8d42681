//! Dates, times and frequencies in the words of a language.

use crate::{
    domain::{
        issue::days::Days,
        newsletter::{Newsletter, SendClock},
    },
    i18n::{Locale, interpolate},
};
use jiff::civil::{Date, Time, Weekday};

const NO_BREAK_SPACE: &str = "\u{a0}";

impl Locale {
    /// A day in relation to today, for sentences: `tomorrow, Tuesday 1 December`. Another language may need a
    /// comma behind it, if the sentence goes on.
    fn coming_day(self, date: Date, today: Date) -> String {
        let t = &self.texts.dates;
        let text = match today.until(date).map(|span| span.get_days()) {
            Ok(0) => &t.today,
            Ok(1) => &t.tomorrow,
            _ => &t.on,
        };
        interpolate(text, &[("date", &self.dates.day(date))])
    }

    /// `on Friday 4 December`, at the end of a sentence.
    pub fn coming(self, date: Date, today: Date) -> String {
        self.coming_day(date, today).trim_end_matches(',').to_owned()
    }

    /// `tomorrow, Tuesday 1 December at 6.30 am`.
    pub fn coming_at(self, date: Date, today: Date, it: &Newsletter) -> String {
        self.at(&self.coming_day(date, today), it)
    }

    /// A time of day as people say it, on one line: `6.30 am`.
    pub fn time(self, time: Time) -> String {
        self.dates.time(time).replace(' ', NO_BREAK_SPACE)
    }

    /// The days of a newsletter: `every day`, `every weekday`, `every Monday and Friday`.
    pub fn every(self, days: Days) -> String {
        let t = &self.texts.dates;
        match days {
            Days::DAILY => t.every_day.clone(),
            Days::WEEKDAYS => t.every_weekday.clone(),
            _ => {
                let each = days.weekdays().map(|day| nth(&t.each, day));
                interpolate(&t.every, &[("days", &self.list(each))])
            }
        }
    }

    /// One day of each week: `every Friday`.
    pub fn every_week(self, day: Weekday) -> String {
        let t = &self.texts.dates;
        interpolate(&t.every, &[("days", nth(&t.each, day))])
    }

    /// Joins names: `a`, `a and b`, `a, b and c`.
    pub fn list<'a>(self, names: impl IntoIterator<Item = &'a str>) -> String {
        self.dates.list(&names.into_iter().collect::<Vec<_>>())
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
        let at = self.dates.at(it.send_time).replace(' ', NO_BREAK_SPACE);
        interpolate(text, &[("day", day), ("at", &at)])
    }
}

fn nth(names: &str, day: Weekday) -> &str {
    names.split('|').nth(usize::from(day.to_monday_zero_offset().unsigned_abs())).unwrap_or_default()
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
    fn coming_days_are_named_by_their_distance() {
        let (today, it) = (date(2026, 11, 30), Newsletter::default());
        let say = |tag: &str, day| locale(tag).coming_at(day, today, &it).replace(NO_BREAK_SPACE, " ");
        assert_eq!(say("en-GB", date(2026, 12, 1)), "tomorrow, Tuesday 1 December at 7 am");
        assert_eq!(say("de", date(2026, 12, 4)), "am Freitag, 4. Dezember, um 7 Uhr");
        assert_eq!(locale("de").coming(today, today), "heute, Montag, 30. November");
        assert_eq!(locale("es").coming(date(2026, 12, 4), today), "el viernes, 4 de diciembre");
    }

    #[test]
    fn a_frequency_names_days_and_time() {
        let mut it =
            Newsletter { days: Days::WEEKDAYS, send_time: time(6, 30, 0, 0), ..Newsletter::default() };
        let say = |tag: &str, it: &Newsletter| locale(tag).frequency(it).replace(NO_BREAK_SPACE, " ");
        assert_eq!(say("en-GB", &it), "every weekday at 6.30 am");
        assert_eq!(say("es", &it), "de lunes a viernes a las 6:30");
        assert_eq!(say("de", &it), "montags bis freitags um 6.30 Uhr");
        it.days = Days::parse("mon,wed,fri").unwrap();
        it.clock = SendClock::Reader;
        assert_eq!(say("en-US", &it), "every Monday, Wednesday and Friday at 6:30 a.m. your time");
        assert_eq!(say("fr", &it), "le lundi, le mercredi et le vendredi à 6 h 30, heure locale");
    }
}
