//! The circuit breaker: holds an issue when relays reject too many of its recipients.

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

/// Minimum number of rejections: on a short list, a few stale addresses are a large percentage.
const MIN_REFUSED: i64 = 10;

impl Breaker {
    /// Returns how many more deliveries may begin now, given `in_flight`. `None`: the canary has passed.
    pub fn canary_room(&self, score: Score, in_flight: i64) -> Option<i64> {
        let canary = self.canary.min(score.recipients);
        (score.answered < canary).then(|| (canary - score.answered - in_flight).max(0))
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
