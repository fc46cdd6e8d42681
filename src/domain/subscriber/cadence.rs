//! How often a reader gets a newsletter.

use crate::domain::{issue::days::Days, string_enum::string_enum};
use jiff::civil::Date;

string_enum! {
    /// Which issues of a newsletter a reader gets.
    Cadence {
        EveryIssue = "every_issue",
        /// Issues dated Monday to Friday.
        Weekdays = "weekdays",
        /// One issue a week: that of the newsletter's last day, with the week's best.
        Weekly = "weekly",
    }
}

impl Cadence {
    /// Whether readers with this cadence get the issue of `date`, if the newsletter appears on `days`.
    pub fn is_served(self, days: Days, date: Date) -> bool {
        match self {
            Self::EveryIssue => true,
            // Without weekday issues, these readers get all issues.
            Self::Weekdays => Days::WEEKDAYS.contains(date) || !days.overlap(Days::WEEKDAYS),
            Self::Weekly => date.weekday() == days.last(),
        }
    }

    /// Whether this cadence selects some but not all issues of a newsletter that appears on `days`, so that
    /// it is worth offering.
    pub const fn is_meaningful(self, days: Days) -> bool {
        match self {
            Self::EveryIssue => true,
            Self::Weekdays => days.are_some_of(Days::WEEKDAYS),
            Self::Weekly => days.count() > 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_cadence_that_changes_nothing_is_not_offered() {
        let choices = |days: &str| -> Vec<Cadence> {
            let days = Days::parse(days).unwrap();
            Cadence::ALL.iter().copied().filter(|it| it.is_meaningful(days)).collect()
        };
        assert_eq!(choices("daily"), Cadence::ALL);
        assert_eq!(choices("mon,wed"), [Cadence::EveryIssue, Cadence::Weekly]);
        assert_eq!(choices("sat"), [Cadence::EveryIssue]);
        assert_eq!(choices("sat,sun"), [Cadence::EveryIssue, Cadence::Weekly]);
    }

    #[test]
    fn a_weekly_reader_gets_the_last_issue_of_the_week() {
        let served = |cadence: Cadence, days| -> Vec<i8> {
            (4..=10).filter(|day| cadence.is_served(days, date(2026, 5, *day))).collect()
        };
        assert_eq!(served(Cadence::Weekly, Days::DAILY), [10], "a Sunday");
        assert_eq!(served(Cadence::Weekly, Days::WEEKDAYS), [8], "a Friday");
        assert_eq!(served(Cadence::Weekdays, Days::DAILY), [4, 5, 6, 7, 8]);
        assert_eq!(served(Cadence::EveryIssue, Days::DAILY).len(), 7);
    }
}
