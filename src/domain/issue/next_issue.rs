//! Which issue is meant when nobody names a date.

use crate::domain::{
    issue::schedule::{self, Due},
    newsletter::Newsletter,
};
use jiff::{SignedDuration, Timestamp, civil::Date};

/// A planned issue of a newsletter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub date: Date,
    pub due: Due,
}

/// Returns the date of the newsletter's next issue:
///
/// 1. the earliest planned issue, overdue or not, until its grace period is over
/// 2. else today's, if today is one of the newsletter's days and has no issue yet
/// 3. else the next date of the newsletter without an issue
///
/// `taken` are the dates that have an issue, whatever its status, from today on.
pub fn next_issue(
    newsletter: &Newsletter,
    planned: &[Planned],
    taken: &[Date],
    grace: SignedDuration,
    now: Timestamp,
) -> Date {
    let open = planned.iter().filter(|it| now <= it.due.last + grace).map(|it| it.date);
    if let Some(date) = open.min() {
        return date;
    }
    let today = schedule::date_at(newsletter, now);
    if newsletter.days.contains(today) && !taken.contains(&today) {
        return today;
    }
    let mut date = schedule::next_date(newsletter, today);
    while taken.contains(&date) && date < Date::MAX {
        date = schedule::next_date(newsletter, date);
    }
    date
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::issue::days::Days;
    use jiff::civil::date;

    const GRACE: SignedDuration = SignedDuration::from_hours(6);

    /// It is Friday, 1 May 2026, 12:00 UTC.
    fn next(days: &str, planned: &[(i8, i8)], taken: &[i8]) -> i8 {
        let newsletter = Newsletter { days: Days::parse(days).unwrap(), ..Newsletter::default() };
        let at = |day: i8, hour: i8| date(2026, 5, day).at(hour, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
        let planned: Vec<Planned> = planned
            .iter()
            .map(|(day, hour)| Planned { date: date(2026, 5, *day), due: Due::at(at(*day, *hour)) })
            .collect();
        let taken: Vec<Date> = taken.iter().map(|day| date(2026, 5, *day)).collect();
        next_issue(&newsletter, &planned, &taken, GRACE, at(1, 12)).day()
    }

    #[test]
    fn the_earliest_planned_issue_comes_first_until_its_grace_is_over() {
        assert_eq!(next("daily", &[(2, 7), (1, 7)], &[1, 2]), 1);
        assert_eq!(next("daily", &[(2, 7), (1, 5)], &[1, 2]), 2);
    }

    #[test]
    fn without_a_plan_it_is_today_and_then_the_next_free_date() {
        assert_eq!(next("daily", &[], &[]), 1);
        assert_eq!(next("daily", &[], &[1]), 2);
        assert_eq!(next("daily", &[], &[1, 2]), 3);
        assert_eq!(next("mon,wed", &[], &[]), 4);
        assert_eq!(next("mon,wed", &[], &[4]), 6);
    }
}
