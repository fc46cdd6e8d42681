//! Detects signup attacks, in which someone submits other people's addresses.
//!
//! Any of three signs is enough: the overall signup limit is used up, many recent signups are unconfirmed, or
//! the confirmation rate of the last hour is far below normal. An attack ends after 15 minutes without a
//! sign.
//!
//! During an attack, signups without a solved challenge are held back. A large number of them is itself a
//! sign.

use crate::domain::{rate_limit::Limit, string_enum::string_enum};
use jiff::{SignedDuration, Timestamp};

/// The window for unconfirmed signups. Real readers confirm within minutes.
pub const WAITING_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// The hour whose confirmation rate is compared, as distances from now. Later signups may not have had time
/// to confirm.
pub const RECENT: (SignedDuration, SignedDuration) =
    (SignedDuration::from_mins(70), SignedDuration::from_mins(10));
/// The window for the usual confirmation rate.
pub const USUAL_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Maximum sample size for a rate. A larger sample would not change the result.
pub const SAMPLE: i64 = 2_000;

/// Minimum number of signups in the last hour for a comparison.
const MIN_RECENT: i64 = 50;
/// Minimum number of earlier signups for a comparison.
const MIN_USUAL: i64 = 200;
/// The usual rate must be this many times the recent one.
const FAR_FEWER_FACTOR: i64 = 3;
/// An attack is over after this long without a sign.
const ALL_CLEAR_AFTER: SignedDuration = SignedDuration::from_mins(15);

string_enum! {
    /// A sign of an attack.
    Alarm {
        /// The overall signup limit is reached.
        LimitReached = "limit_reached",
        /// Many signups are unconfirmed.
        Flood = "flood",
        /// The confirmation rate is far below normal.
        FewConfirm = "few_confirm",
    }
}

impl Alarm {
    /// Returns how far back the suspect signups go from the time of detection.
    pub const fn look_back(self) -> SignedDuration {
        match self {
            Self::LimitReached | Self::Flood => WAITING_WITHIN,
            Self::FewConfirm => RECENT.0,
        }
    }
}

/// A period of suspected attack. Its signups get no reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuspectPeriod {
    /// The start, inclusive.
    pub since: Timestamp,
    /// The end, inclusive; `None`: the attack continues.
    pub until: Option<Timestamp>,
}

/// Returns the parts of the time from `after` (exclusive) to `until` (inclusive) outside all suspect periods.
/// Scans over these spans never touch the rows of an attack, however many there are.
pub fn trusted_spans(
    mut after: Timestamp,
    until: Timestamp,
    mut suspect: Vec<SuspectPeriod>,
) -> Vec<(Timestamp, Timestamp)> {
    suspect.sort_unstable_by_key(|period| period.since);
    let mut spans = Vec::new();
    for period in suspect {
        let end = until.min(period.since - SignedDuration::from_micros(1));
        if end > after {
            spans.push((after, end));
        }
        match period.until {
            Some(ended) => after = after.max(ended),
            None => return spans,
        }
    }
    if until > after {
        spans.push((after, until));
    }
    spans
}

/// Signups, and how many of them were confirmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfirmationRate {
    pub signups: i64,
    pub confirmed: i64,
}

/// The key of [`unsolved_limit`].
pub const UNSOLVED: &str = "unsolved";

/// Returns the limit that counts signups without a solved challenge during an attack. These signups are held
/// back, so they don't count as unconfirmed. The attack continues while this limit is used up.
pub fn unsolved_limit(most_waiting: Option<u32>, overall: Option<Limit>) -> Option<Limit> {
    most_waiting.and_then(|max| Limit::new(max, WAITING_WITHIN)).or(overall)
}

/// Current signup statistics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignupStats {
    /// Whether the overall limit or the limit on unsolved signups is nearly used up.
    pub limit_reached: bool,
    /// Recent signups that are unconfirmed.
    pub waiting: i64,
    pub recent: ConfirmationRate,
    pub usual: ConfirmationRate,
}

impl SignupStats {
    /// Returns a sign of an attack, if there is one. `most_waiting`: the threshold for unconfirmed signups;
    /// `None`: no threshold.
    pub fn alarm(self, most_waiting: Option<u32>) -> Option<Alarm> {
        if self.limit_reached {
            return Some(Alarm::LimitReached);
        }
        if most_waiting.is_some_and(|most| self.waiting >= i64::from(most)) {
            return Some(Alarm::Flood);
        }
        let Self { recent, usual, .. } = self;
        let is_known = recent.signups >= MIN_RECENT && usual.signups >= MIN_USUAL;
        // Compares the rates without division.
        let far_fewer =
            recent.confirmed * usual.signups * FAR_FEWER_FACTOR < usual.confirmed * recent.signups;
        (is_known && far_fewer).then_some(Alarm::FewConfirm)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attack {
    /// The sign that revealed it.
    pub alarm: Alarm,
    /// The time of detection.
    pub since: Timestamp,
    /// The time of the last sign.
    pub seen_at: Timestamp,
}

/// A transition of the attack state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttackChange {
    /// No attack, as before.
    Calm,
    Started(Attack),
    /// The attack continues.
    Ongoing(Attack),
    /// The attack is over.
    Ended(Attack),
}

/// Returns the transition from the known state, given a sign or none.
pub fn transition(known: Option<Attack>, sign: Option<Alarm>, now: Timestamp) -> AttackChange {
    match (known, sign) {
        (None, None) => AttackChange::Calm,
        (None, Some(alarm)) => AttackChange::Started(Attack { alarm, since: now, seen_at: now }),
        (Some(attack), Some(_)) => AttackChange::Ongoing(Attack { seen_at: now, ..attack }),
        (Some(attack), None) if now.duration_since(attack.seen_at) >= ALL_CLEAR_AFTER => {
            AttackChange::Ended(attack)
        }
        (Some(attack), None) => AttackChange::Ongoing(attack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rates(recent: (i64, i64), usual: (i64, i64)) -> SignupStats {
        let rate = |(signups, confirmed)| ConfirmationRate { signups, confirmed };
        SignupStats { recent: rate(recent), usual: rate(usual), ..SignupStats::default() }
    }

    #[test]
    fn any_sign_is_enough_and_quiet_is_none() {
        let quiet = SignupStats::default();
        assert_eq!(quiet.alarm(Some(1)), None);
        assert_eq!(SignupStats { limit_reached: true, ..quiet }.alarm(None), Some(Alarm::LimitReached));
        let many = SignupStats { waiting: 500, ..quiet };
        assert_eq!(many.alarm(Some(500)), Some(Alarm::Flood));
        assert_eq!(many.alarm(Some(501)), None);
        assert_eq!(many.alarm(None), None);
    }

    #[test]
    fn far_fewer_confirmations_than_usual_are_a_sign_where_both_are_known() {
        for (recent, usual, sign) in [
            ((100, 19), (1_000, 600), true),
            ((100, 20), (1_000, 600), false),
            ((49, 0), (1_000, 600), false),
            ((100, 0), (199, 199), false),
            ((100, 0), (1_000, 0), false),
        ] {
            let alarm = rates(recent, usual).alarm(None);
            assert_eq!(alarm, sign.then_some(Alarm::FewConfirm), "{recent:?} of {usual:?}");
        }
    }

    #[test]
    fn an_attack_is_over_a_quarter_of_an_hour_after_its_last_sign() {
        let begin = Timestamp::UNIX_EPOCH;
        let AttackChange::Started(attack) = transition(None, Some(Alarm::Flood), begin) else {
            panic!("no beginning")
        };
        let later = begin + SignedDuration::from_mins(14);
        assert_eq!(transition(Some(attack), None, later), AttackChange::Ongoing(attack));
        let AttackChange::Ongoing(attack) = transition(Some(attack), Some(Alarm::LimitReached), later) else {
            panic!("no second sign")
        };
        assert_eq!((attack.alarm, attack.since, attack.seen_at), (Alarm::Flood, begin, later));
        assert_eq!(transition(Some(attack), None, later + ALL_CLEAR_AFTER), AttackChange::Ended(attack));
        assert_eq!(transition(None, None, later), AttackChange::Calm);
    }

    proptest! {
        #[test]
        fn trusted_spans_are_exactly_what_no_alarm_covers(
            (after, until) in (0i64..30, 0i64..40),
            times in prop::collection::vec((0i64..40, prop::option::of(0i64..20)), 0..4),
            instant in 0i64..45,
        ) {
            let at = |micros| Timestamp::from_microsecond(micros).unwrap();
            let suspect: Vec<SuspectPeriod> = times
                .iter()
                .map(|(since, lasts)| SuspectPeriod { since: at(*since), until: lasts.map(|lasts| at(since + lasts)) })
                .collect();
            let covered = suspect.iter().any(|it| it.since <= at(instant) && it.until.is_none_or(|until| at(instant) <= until));
            let spans = trusted_spans(at(after), at(until), suspect);
            let found = spans.iter().filter(|(after, until)| *after < at(instant) && at(instant) <= *until).count();
            prop_assert_eq!(found, usize::from(instant > after && instant <= until && !covered), "{:?}", spans);
        }

        #[test]
        fn more_confirmations_never_raise_an_alarm(
            asked in 0_i64..=SAMPLE, confirmed in 0_i64..=SAMPLE, more in 0_i64..=SAMPLE, usual in 0_i64..=SAMPLE,
        ) {
            let pulse = |confirmed| rates((asked, confirmed), (SAMPLE, usual));
            prop_assert!(pulse(confirmed).alarm(None).is_some() || pulse(confirmed + more).alarm(None).is_none());
        }
    }
}
