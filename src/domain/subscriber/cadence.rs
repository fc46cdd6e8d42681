//! How often a reader wants a newsletter: a choice among the issues it has.

use crate::domain::{issue::days::Days, string_enum::words};
use jiff::civil::Date;

words! {
    /// Which issues of a newsletter a reader gets.
    Cadence {
        /// All of them.
        EveryIssue = "every_issue",
        /// Those dated Monday to Friday.
        Weekdays = "weekdays",
        /// One a week, the week's best: that of the newsletter's last day of the week.
        Weekly = "weekly",
    }
}

impl Cadence {
    /// Whether readers of this cadence get the issue of a date, of a newsletter with issues on these days.
    pub fn is_served(self, days: Days, date: Date) -> bool {
        match self {
            Self::EveryIssue => true,
            // Of a newsletter of the weekend they get what there is.
            Self::Weekdays => Days::WEEKDAYS.contain(date) || !days.overlap(Days::WEEKDAYS),
            Self::Weekly => date.weekday() == days.last(),
        }
    }

    /// Whether it says anything about a newsletter with issues on these days: some, not all of them.
    pub const fn is_a_choice(self, days: Days) -> bool {
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
    fn a_way_that_would_change_nothing_is_no_choice() {
        let choices = |days: &str| -> Vec<Cadence> {
            let days = Days::parse(days).unwrap();
            Cadence::ALL.iter().copied().filter(|it| it.is_a_choice(days)).collect()
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
