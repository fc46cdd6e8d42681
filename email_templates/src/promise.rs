//! The promise to readers, in words: how often, when, and how long an issue takes to read.

use jiff::civil::{Time, Weekday};

use crate::i18n::{self, Texts, interpolate};

/// The rhythm of a newsletter.
#[derive(Debug, Clone, Copy)]
pub struct Promise<'a> {
    /// The days of the week with an issue, Monday first.
    pub days: &'a [Weekday],
    /// When issues go out.
    pub at: Time,
    /// Minutes that the latest issue takes to read, if there is one.
    pub reading_minutes: Option<u32>,
}

impl Promise<'_> {
    /// Returns "One email every weekday at 6:30 am", in a language with texts or in English. It has no full
    /// stop.
    pub fn rhythm(&self, language: &str) -> String {
        let texts = i18n::texts_in(language);
        rhythm(self, texts)
    }

    /// Returns three facts as short lines: the rhythm, the reading time if it is known, and that readers can
    /// unsubscribe.
    pub fn facts(&self, language: &str) -> Vec<String> {
        let texts = i18n::texts_in(language);
        let reading = self.reading_minutes.map(|minutes| texts.about_minutes(minutes));
        [Some(self.rhythm(language)), reading, Some(texts.promise.any_time.clone())]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn rhythm(promise: &Promise<'_>, texts: &Texts) -> String {
    let t = &texts.promise;
    let at = texts.date.at(promise.at);
    let weekend = [Weekday::Saturday, Weekday::Sunday];
    let missing: Vec<Weekday> =
        Weekday::Monday.cycle_forward().take(7).filter(|day| !promise.days.contains(day)).collect();
    match (missing.as_slice(), promise.days) {
        ([], _) | (_, []) => interpolate(&t.daily, &[("at", &at)]),
        (days, _) if days == weekend => interpolate(&t.weekdays, &[("at", &at)]),
        ([day], _) => interpolate(&t.all_but, &[("day", texts.date.weekday(*day)), ("at", &at)]),
        (_, days) => {
            let days: Vec<&str> = days.iter().map(|day| texts.date.weekday(*day)).collect();
            interpolate(&t.on_days, &[("days", &texts.date.list(&days)), ("at", &at)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    const WEEK: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    fn said(language: &str, days: &[Weekday], at: Time) -> String {
        Promise { days, at, reading_minutes: None }.rhythm(language)
    }

    #[test]
    fn the_rhythm_reads_naturally_in_each_language() {
        let (half_past, seven, one) = (time(6, 30, 0, 0), time(7, 0, 0, 0), time(13, 5, 0, 0));
        let some = [Weekday::Monday, Weekday::Wednesday, Weekday::Friday];
        for (language, days, at, expected) in [
            ("en", &WEEK[..], half_past, "One email every day at 6:30 am"),
            ("en-GB", &WEEK[..5], half_past, "One email every weekday at 6.30 am"),
            ("en-US", &WEEK[4..5], seven, "One email every Friday at 7 a.m."),
            ("en", &some[..], one, "One email every Monday, Wednesday and Friday at 1:05 pm"),
            ("en", &WEEK[..6], time(12, 0, 0, 0), "One email every day except Sunday at noon"),
            ("de", &WEEK[..5], half_past, "Montags bis freitags um 6.30 Uhr eine E-Mail"),
            ("de", &some[..2], seven, "Jeden Montag und Mittwoch um 7 Uhr eine E-Mail"),
            ("es", &WEEK[..], one, "Un correo cada día a las 13:05"),
            ("es", &WEEK[..], time(1, 0, 0, 0), "Un correo cada día a la 1:00"),
            ("fr", &WEEK[4..5], half_past, "Un e-mail chaque vendredi à 6\u{a0}h\u{a0}30"),
            ("fr", &WEEK[..6], time(12, 0, 0, 0), "Un e-mail chaque jour sauf le dimanche à midi"),
            ("pt", &WEEK[..5], seven, "Um e-mail de segunda a sexta-feira, às 7h"),
            ("pt-BR", &WEEK[4..5], time(1, 5, 0, 0), "Um e-mail a cada sexta-feira, à 1h05"),
        ] {
            assert_eq!(said(language, days, at), expected);
        }
    }

    #[test]
    fn the_reading_time_is_told_if_it_is_known() {
        let facts = |language, minutes| {
            Promise { days: &WEEK, at: time(7, 0, 0, 0), reading_minutes: minutes }.facts(language)
        };
        assert_eq!(facts("en", Some(4))[1], "About a 4-minute read");
        assert_eq!(facts("en", Some(8))[1], "About an 8-minute read");
        assert_eq!(facts("de", Some(1))[1], "Etwa 1 Minute Lesezeit");
        assert_eq!(facts("en", None), ["One email every day at 7 am", "Unsubscribe any time"]);
    }
}
