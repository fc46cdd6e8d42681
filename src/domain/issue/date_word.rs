//! Dates as operators write them: `today`, `tomorrow`, `monday`, `2026-12-24`.

use jiff::civil::{Date, Weekday};

/// A date that may depend on the newsletter's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateWord {
    Today,
    Tomorrow,
    /// The coming one, or today.
    Weekday(Weekday),
    Date(Date),
}

const WEEKDAYS: &[(&str, Weekday)] = &[
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

impl DateWord {
    /// Parses a date. Weekdays may be shortened to three letters or more.
    pub fn parse(text: &str) -> Result<Self, String> {
        let word = text.trim().to_lowercase();
        match word.as_str() {
            "today" => return Ok(Self::Today),
            "tomorrow" => return Ok(Self::Tomorrow),
            _ => {}
        }
        let weekday = WEEKDAYS.iter().find(|(name, _)| word.len() >= 3 && name.starts_with(&word));
        if let Some((_, weekday)) = weekday {
            return Ok(Self::Weekday(*weekday));
        }
        let date = word.parse().map(Self::Date);
        date.map_err(|_| {
            "write today, tomorrow, a weekday such as monday, or a date such as 2026-12-24".into()
        })
    }

    /// Returns the date if `today` is today.
    pub fn resolve(self, today: Date) -> Date {
        match self {
            Self::Today => today,
            Self::Tomorrow => today.tomorrow().unwrap_or(Date::MAX),
            Self::Weekday(weekday) => {
                let days = i64::from(today.weekday().until(weekday));
                today.saturating_add(jiff::Span::new().days(days))
            }
            Self::Date(date) => date,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn words_become_dates() {
        // A Friday.
        let today = date(2026, 5, 1);
        for (word, expected) in [
            ("today", today),
            ("Tomorrow", date(2026, 5, 2)),
            ("friday", today),
            ("mon", date(2026, 5, 4)),
            ("thurs", date(2026, 5, 7)),
            ("2026-12-24", date(2026, 12, 24)),
        ] {
            assert_eq!(DateWord::parse(word).unwrap().resolve(today), expected, "{word}");
        }
        for word in ["", "mo", "someday", "24.12.2026"] {
            assert!(DateWord::parse(word).is_err(), "{word}");
        }
    }
}
