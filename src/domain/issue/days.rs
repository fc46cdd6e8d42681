//! The days of the week on which a newsletter appears.

use jiff::civil::{Date, Weekday};

/// The abbreviated names, Monday first.
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A set of days of the week, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

/// The text contains an unknown day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a list of days such as mon,wed,fri")]
pub struct DaysError(pub String);

impl Days {
    pub const DAILY: Self = Self(0b111_1111);
    pub const WEEKDAYS: Self = Self(0b001_1111);

    /// Parses `daily`, `weekdays`, or days such as `mon,wed,fri` (full names work too).
    pub fn parse(text: &str) -> Result<Self, DaysError> {
        match text.trim() {
            "daily" => return Ok(Self::DAILY),
            "weekdays" => return Ok(Self::WEEKDAYS),
            _ => {}
        }
        let mut days = 0;
        for name in text.split(',') {
            let name = name.trim().to_ascii_lowercase();
            let full = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
            let day = (0..7).find(|day| NAMES[*day] == name || full[*day] == name);
            days |= 1 << day.ok_or_else(|| DaysError(text.to_owned()))?;
        }
        Ok(Self(days))
    }

    /// Whether the set contains the weekday of a date.
    pub fn contains(self, date: Date) -> bool {
        self.0 & bit(date.weekday()) != 0
    }

    /// Whether the sets have a day in common.
    pub const fn overlap(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Returns the last day in a week that begins on Monday.
    pub fn last(self) -> Weekday {
        let last = 7 - self.0.leading_zeros().saturating_sub(1);
        Weekday::from_monday_one_offset(i8::try_from(last).unwrap_or(7)).unwrap_or(Weekday::Sunday)
    }

    /// Whether some, but not all, days are in `others`.
    pub const fn are_some_of(self, others: Self) -> bool {
        self.0 & others.0 != 0 && self.0 & !others.0 != 0
    }

    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Iterates over the days, Monday first.
    pub fn weekdays(self) -> impl Iterator<Item = Weekday> {
        Weekday::Monday.cycle_forward().take(7).filter(move |day| self.0 & bit(*day) != 0)
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

impl std::fmt::Display for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = (0..7).filter(|day| self.0 & (1 << day) != 0).map(|day| NAMES[day]).collect();
        f.pad(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_parsed_and_displayed() {
        assert_eq!(Days::parse("daily").unwrap(), Days::DAILY);
        assert_eq!(Days::parse("Fri, monday").unwrap().to_string(), "mon,fri");
        assert_eq!(Days::parse(&Days::WEEKDAYS.to_string()).unwrap(), Days::WEEKDAYS);
        for bad in ["", "mon,", "someday", "mon;tue"] {
            assert!(Days::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn weekdays_are_in_order() {
        let days: Vec<Weekday> = Days::parse("fri,mon,wed").unwrap().weekdays().collect();
        assert_eq!(days, [Weekday::Monday, Weekday::Wednesday, Weekday::Friday]);
    }

    #[test]
    fn a_date_is_matched_by_its_weekday() {
        let friday = date(2026, 5, 1);
        assert!(Days::WEEKDAYS.contains(friday) && !Days::WEEKDAYS.contains(friday.tomorrow().unwrap()));
        assert_eq!(Days::DAILY.last(), Weekday::Sunday);
        assert_eq!(Days::WEEKDAYS.last(), Weekday::Friday);
        assert_eq!(Days::parse("mon").unwrap().last(), Weekday::Monday);
    }
}
