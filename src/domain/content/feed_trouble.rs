//! Rules for feed trouble that operators must hear of.
//!
//! - *Failing*: for 24 hours, or eight times in a row.
//! - *Silent*: nothing new for more than three times the longest gap between its latest items, and at least a
//!   week. A feed without a known habit never counts as silent.
//! - *Undated*: most of its entries have unreadable dates, so that they never count as new.
//! - *Flood*: it brought far more at once than ever, which waits for an operator.
//! - *Retired*: permanently gone, or moved to the address of another feed.
//!
//! Operators are told once, and not again until the feed has recovered.

use crate::domain::{content::polling::Habit, string_enum::string_enum};
use jiff::{SignedDuration, Timestamp};

/// Time after which a failing feed is in trouble …
const FAILING_FOR: SignedDuration = SignedDuration::from_hours(24);
/// … and number of consecutive failures after which it is, too.
const FAILURES: i64 = 8;
/// Shortest time after which a feed counts as silent.
const LEAST_SILENCE: SignedDuration = SignedDuration::from_hours(7 * 24);

string_enum! {
    /// Kind of trouble with a feed.
    TroubleKind {
        /// Can't be read.
        Failing = "failing",
        /// Can be read, but has had nothing new for too long.
        Silent = "silent",
        /// Can be read, but most of its dates can't be parsed.
        Undated = "undated",
        /// Brought far more at once than ever.
        Flood = "flood",
        /// No longer read.
        Retired = "retired",
    }
}

/// State of a feed, as the rules need it.
#[derive(Debug, Clone, Copy)]
pub struct Condition {
    /// Number of consecutive failures.
    pub failures: i64,
    /// Time of the first of these failures.
    pub failing_since: Option<Timestamp>,
    pub habit: Option<Habit>,
    /// Time since which most dates have been unreadable.
    pub undated_since: Option<Timestamp>,
    /// Time since which its articles have been held.
    pub held_since: Option<Timestamp>,
}

/// Returns the trouble with a feed and its start, or `None` if there is none.
pub fn trouble(condition: Condition, now: Timestamp) -> Option<(TroubleKind, Timestamp)> {
    // Nothing but an operator ends this.
    if let Some(since) = condition.held_since {
        return Some((TroubleKind::Flood, since));
    }
    if let Some(since) = condition.failing_since
        && condition.failures > 0
    {
        let in_trouble = condition.failures >= FAILURES || now.duration_since(since) >= FAILING_FOR;
        return in_trouble.then_some((TroubleKind::Failing, since));
    }
    if let Some(since) = condition.undated_since {
        return Some((TroubleKind::Undated, since));
    }
    let habit = condition.habit?;
    let patience = habit.gaps?.longest.saturating_mul(3).max(LEAST_SILENCE);
    (now.duration_since(habit.last_item_at) > patience).then_some((TroubleKind::Silent, habit.last_item_at))
}

/// Formats a span in words, rounded to one unit: "3 hours", "2 days".
pub fn in_words(span: SignedDuration) -> String {
    let minutes = span.as_mins().max(1);
    let (count, unit) = match minutes {
        ..90 => (minutes, "minute"),
        90..2_160 => ((minutes + 30) / 60, "hour"),
        2_160..20_160 => ((minutes + 720) / 1_440, "day"),
        _ => ((minutes + 5_040) / 10_080, "week"),
    };
    if count == 1 { format!("{count} {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::{super::polling::Gaps, *};
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-05-01T06:00:00Z".parse().unwrap()
    }

    fn silent(hours: i64, longest_gap_hours: i64) -> Condition {
        let gap = SignedDuration::from_hours(longest_gap_hours);
        let gaps = Some(Gaps { usual: gap, longest: gap });
        let habit = Habit { last_item_at: now() - SignedDuration::from_hours(hours), gaps };
        Condition {
            failures: 0,
            failing_since: None,
            habit: Some(habit),
            undated_since: None,
            held_since: None,
        }
    }

    fn failing(hours: i64, failures: i64) -> Condition {
        Condition {
            failures,
            failing_since: Some(now() - SignedDuration::from_hours(hours)),
            habit: None,
            undated_since: None,
            held_since: None,
        }
    }

    #[test]
    fn a_feed_fails_after_a_day_or_eight_times_in_a_row() {
        for (hours, failures, in_trouble) in [(1, 1, false), (23, 7, false), (24, 2, true), (3, 8, true)] {
            let kind = trouble(failing(hours, failures), now()).map(|(kind, _)| kind);
            assert_eq!(kind, in_trouble.then_some(TroubleKind::Failing), "{hours} h, {failures} times");
        }
    }

    #[test]
    fn a_feed_is_silent_beyond_three_of_its_longest_gaps_and_a_week() {
        for (hours, gap, in_trouble) in
            [(24 * 6, 1, false), (24 * 8, 1, true), (24 * 20, 24 * 7, false), (24 * 22, 24 * 7, true)]
        {
            let kind = trouble(silent(hours, gap), now()).map(|(kind, _)| kind);
            assert_eq!(kind, in_trouble.then_some(TroubleKind::Silent), "{hours} h, gap {gap} h");
        }
        let unknown = Condition {
            habit: silent(9_000, 1).habit.map(|habit| Habit { gaps: None, ..habit }),
            ..silent(1, 1)
        };
        assert_eq!(trouble(unknown, now()), None);
    }

    #[test]
    fn a_feed_whose_dates_are_not_understood_is_in_trouble_at_once() {
        let undated = Condition { undated_since: Some(now()), ..silent(1, 1) };
        assert_eq!(trouble(undated, now()), Some((TroubleKind::Undated, now())));
        let failing = Condition { undated_since: Some(now()), ..failing(1, 1) };
        assert_eq!(trouble(failing, now()), None, "it may have been mended meanwhile");
    }

    #[test]
    fn spans_are_told_in_words() {
        for (minutes, words) in [
            (0, "1 minute"),
            (59, "59 minutes"),
            (90, "2 hours"),
            (1_440, "24 hours"),
            (2_880, "2 days"),
            (20_160, "2 weeks"),
        ] {
            assert_eq!(in_words(SignedDuration::from_mins(minutes)), words);
        }
    }

    proptest! {
        #[test]
        fn trouble_does_not_go_by_waiting(hours in 0_i64..5_000, gap in 1_i64..1_000, more in 0_i64..1_000) {
            let before = trouble(silent(hours, gap), now()).is_some();
            prop_assert!(!before || trouble(silent(hours + more, gap), now()).is_some());
        }
    }
}
