//! The circuit breaker: holds an issue when relays reject too many of its recipients, or one destination that
//! rejects too many while the others go on.

use jiff::SignedDuration;

/// The thresholds of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Recipients that must get an answer before other deliveries begin. 0: no canary.
    pub canary: i64,
    /// Percentage of rejected recipients above which the issue is held. 100: never.
    pub max_failed_percent: i64,
}

/// Answers about an issue since it started or was last resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// All recipients of the issue.
    pub recipients: i64,
    /// Recipients that a relay accepted, deferred or rejected.
    pub answered: i64,
    /// Recipients that a relay rejected permanently, and messages that it took without an answer.
    pub refused: i64,
}

/// Answers about an issue from one destination, since it was last held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DestinationScore {
    /// Recipients that were accepted, deferred or rejected.
    pub answered: i64,
    /// Recipients that were rejected, whatever the reason.
    pub rejected: i64,
    /// Recipients that were rejected for another reason than their address.
    pub refused: i64,
    pub deferred: i64,
}

impl std::ops::AddAssign for DestinationScore {
    fn add_assign(&mut self, more: Self) {
        self.answered += more.answered;
        self.rejected += more.rejected;
        self.refused += more.refused;
        self.deferred += more.deferred;
    }
}

/// How long a destination is held.
pub const HOLD_DESTINATION_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Minimum number of deferrals that are a storm. Greylisting defers everybody once.
const MIN_DEFERRED: i64 = 50;
/// Minimum number of answers from other destinations. Without them, the issue itself may be the reason.
const MIN_OTHERS: i64 = 10;

/// Minimum number of rejections: on a short list, a few stale addresses are a large percentage.
const MIN_REFUSED: i64 = 10;

impl Breaker {
    /// Returns how many more deliveries may begin now, given `in_flight`. `None`: the canary has passed.
    pub fn canary_room(&self, score: Score, in_flight: i64) -> Option<i64> {
        let canary = self.canary.min(score.recipients);
        (score.answered < canary).then(|| (canary - score.answered - in_flight).max(0))
    }

    /// Returns the reason to hold one destination while the others go on, if any. `others` are the answers from
    /// all other destinations: if they fail as well, the whole issue is to be judged.
    pub fn destination_verdict(&self, it: DestinationScore, others: DestinationScore) -> Option<String> {
        let exceeds = |count: i64, answered: i64| count * 100 > self.max_failed_percent * answered;
        if self.max_failed_percent >= 100
            || others.answered < MIN_OTHERS
            || exceeds(others.refused + others.deferred, others.answered)
        {
            return None;
        }
        let percent = |count: i64| count * 100 / it.answered.max(1);
        if it.refused >= MIN_REFUSED && exceeds(it.refused, it.answered) {
            Some(format!("refuses {} % of its emails", percent(it.refused)))
        } else if it.deferred >= MIN_DEFERRED && it.deferred * 2 > it.answered {
            Some(format!("defers {} % of its emails", percent(it.deferred)))
        } else {
            None
        }
    }

    /// Returns the reason to hold the issue, if any. During the canary, the percentage is of the whole
    /// canary, so the first few answers can't hold the issue.
    pub fn verdict(&self, score: Score) -> Option<String> {
        if score.refused < MIN_REFUSED || self.max_failed_percent >= 100 {
            return None;
        }
        let sample = score.answered.max(self.canary.min(score.recipients));
        (score.refused * 100 > self.max_failed_percent * sample).then(|| {
            format!(
                "{} of {} answers were refusals or missing, more than {} %; look at `daily issue deliveries --status failed`, then resume or \
                 cancel it",
                score.refused, score.answered, self.max_failed_percent
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_destination_is_held_while_the_others_go_on() {
        let breaker = Breaker { canary: 0, max_failed_percent: 20 };
        let score =
            |answered, refused, deferred| DestinationScore { answered, rejected: refused, refused, deferred };
        let verdict = |it, others| breaker.destination_verdict(it, others);
        let fine = score(100, 1, 0);
        assert_eq!(verdict(score(40, 10, 0), fine).as_deref(), Some("refuses 25 % of its emails"));
        assert_eq!(verdict(score(90, 0, 60), fine).as_deref(), Some("defers 66 % of its emails"));
        assert_eq!(verdict(score(9, 9, 0), fine), None, "few");
        assert_eq!(verdict(score(49, 0, 49), fine), None, "greylisting");
        assert_eq!(verdict(score(40, 10, 0), score(100, 30, 0)), None, "all fail");
        assert_eq!(verdict(score(40, 10, 0), score(5, 0, 0)), None, "there are no others");
        let never = Breaker { max_failed_percent: 100, ..breaker };
        assert_eq!(never.destination_verdict(score(40, 40, 0), fine), None);
    }

    const RULE: Breaker = Breaker { canary: 100, max_failed_percent: 20 };

    fn score(recipients: i64, answered: i64, refused: i64) -> Score {
        Score { recipients, answered, refused }
    }

    #[test]
    fn the_canary_admits_no_more_than_its_size() {
        assert_eq!(RULE.canary_room(score(1000, 0, 0), 0), Some(100));
        assert_eq!(RULE.canary_room(score(1000, 40, 0), 60), Some(0));
        assert_eq!(RULE.canary_room(score(1000, 40, 0), 90), Some(0), "never negative");
        assert_eq!(RULE.canary_room(score(1000, 100, 0), 0), None);
        assert_eq!(RULE.canary_room(score(30, 10, 0), 5), Some(15), "a short list is its own canary");
        assert_eq!(Breaker { canary: 0, ..RULE }.canary_room(score(1000, 0, 0), 0), None);
    }

    #[test]
    fn too_many_refusals_hold_the_issue_at_any_time() {
        assert_eq!(RULE.verdict(score(1000, 20, 20)), None, "one in five of the canary is allowed");
        assert!(RULE.verdict(score(1000, 30, 21)).is_some(), "the rest of the canary can't outweigh them");
        assert_eq!(RULE.verdict(score(10_000, 5000, 1000)), None);
        assert!(RULE.verdict(score(10_000, 5000, 1001)).unwrap().contains("1001 of 5000"));
    }

    #[test]
    fn a_few_stale_addresses_on_a_short_list_hold_nothing() {
        assert_eq!(RULE.verdict(score(12, 12, 9)), None);
        assert!(RULE.verdict(score(12, 12, 10)).is_some());
        assert_eq!(Breaker { max_failed_percent: 100, ..RULE }.verdict(score(50, 50, 50)), None);
    }
}
