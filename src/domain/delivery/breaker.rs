//! The breaker: when an issue is held because too many of its readers are refused.

/// What is configured about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// The canary: this many readers must have got an answer before the others' mail is begun. 0: no canary.
    pub canary: i64,
    /// The share of refused readers, in percent, beyond which an issue is held. 100: never.
    pub max_failed_percent: i64,
}

/// How an issue has fared since it was begun or last resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Readers of the issue in all.
    pub recipients: i64,
    /// Relays' answers about readers: taken, deferred or refused.
    pub answered: i64,
    /// Of these, refused for good.
    pub refused: i64,
}

/// Fewer refusals than this say nothing: on a short list a few stale addresses are a large share.
const LEAST_REFUSED: i64 = 10;

impl Breaker {
    /// How many more deliveries may be begun now, of which `in_hand` are being worked on. `None`: the canary is through.
    pub fn canary_room(&self, score: Score, in_hand: i64) -> Option<i64> {
        let canary = self.canary.min(score.recipients);
        (score.answered < canary).then(|| (canary - score.answered - in_hand).max(0))
    }

    /// Why the issue must be held, if it must. During the canary the share is taken of the whole canary, so that the first few
    /// answers alone hold nothing.
    pub fn verdict(&self, score: Score) -> Option<String> {
        if score.refused < LEAST_REFUSED || self.max_failed_percent >= 100 {
            return None;
        }
        let of = score.answered.max(self.canary.min(score.recipients));
        (score.refused * 100 > self.max_failed_percent * of).then(|| {
            format!(
                "{} of {} answers were refusals, more than {} %; look at `daily issue deliveries --status failed`, then resume or \
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
    fn the_canary_lets_through_its_number_and_no_more() {
        assert_eq!(RULE.canary_room(score(1000, 0, 0), 0), Some(100));
        assert_eq!(RULE.canary_room(score(1000, 40, 0), 60), Some(0));
        assert_eq!(RULE.canary_room(score(1000, 40, 0), 90), Some(0), "never below nothing");
        assert_eq!(RULE.canary_room(score(1000, 100, 0), 0), None);
        assert_eq!(RULE.canary_room(score(30, 10, 0), 5), Some(15), "a short list is its own canary");
        assert_eq!(Breaker { canary: 0, ..RULE }.canary_room(score(1000, 0, 0), 0), None);
    }

    #[test]
    fn too_many_refusals_hold_the_issue_at_any_time() {
        assert_eq!(RULE.verdict(score(1000, 20, 20)), None, "one in five of the canary is allowed");
        assert!(RULE.verdict(score(1000, 30, 21)).is_some(), "more than the canary can make good");
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
