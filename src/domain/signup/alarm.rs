//! When signups look like an attack: somebody enters other people's addresses, to annoy them or to make us a nuisance.
//!
//! Any of three signs is enough: the overall limit of signups is used up, many signups of the last minutes wait for their
//! confirmation, or far fewer than usual of the last hour were confirmed. An attack ends when no sign was seen for 15 minutes.
//!
//! During an attack, signups without a solved challenge are held back. Many of them are a sign that it goes on.

use crate::domain::{rate_limit::Limit, string_enum::words};
use jiff::{SignedDuration, Timestamp};

/// Signups that wait are counted back to here: whoever means it confirms within minutes.
pub const WAITING_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// The hour whose confirmations are compared with what is usual: whoever signed up later has had no time yet.
pub const RECENT: (SignedDuration, SignedDuration) =
    (SignedDuration::from_mins(70), SignedDuration::from_mins(10));
/// What is usual is taken from signups back to here.
pub const USUAL_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most signups that are looked at for a share: more would not make it truer.
pub const SAMPLE: i64 = 2_000;

/// Fewer signups in the hour say nothing about a share …
const LEAST_RECENT: i64 = 50;
/// … and fewer before it nothing about what is usual.
const LEAST_USUAL: i64 = 200;
/// So many times fewer confirmations than usual are far fewer.
const FAR_FEWER: i64 = 3;
/// It is over when nothing was seen for so long.
const CALM: SignedDuration = SignedDuration::from_mins(15);

words! {
    /// What looks like an attack.
    Alarm {
        /// The limit of signups from everybody is reached.
        LimitReached = "limit_reached",
        /// Many signups wait for their confirmation.
        Flood = "flood",
        /// Far fewer signups than usual are confirmed.
        FewConfirm = "few_confirm",
    }
}

impl Alarm {
    /// How long before it was seen the signups arrived that it is about.
    pub const fn reaches_back(self) -> SignedDuration {
        match self {
            Self::LimitReached | Self::Flood => WAITING_WITHIN,
            Self::FewConfirm => RECENT.0,
        }
    }
}

/// A time whose signups are doubtful: nobody is reminded of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubtful {
    /// From this moment …
    pub since: Timestamp,
    /// … to this one, with both; `None`: it goes on.
    pub until: Option<Timestamp>,
}

/// What is left of a time without all that is doubtful: spans after a moment and up to another, with that one. Whoever looks through
/// them does not come by what an attack left, however much it is.
pub fn outside(
    mut after: Timestamp,
    until: Timestamp,
    mut doubtful: Vec<Doubtful>,
) -> Vec<(Timestamp, Timestamp)> {
    doubtful.sort_unstable_by_key(|it| it.since);
    let mut spans = Vec::new();
    for it in doubtful {
        let end = until.min(it.since - SignedDuration::from_micros(1));
        if end > after {
            spans.push((after, end));
        }
        match it.until {
            Some(ended) => after = after.max(ended),
            None => return spans,
        }
    }
    if until > after {
        spans.push((after, until));
    }
    spans
}

/// Of so many signups so many were confirmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Signups.
    pub asked: i64,
    /// Of them confirmed.
    pub confirmed: i64,
}

/// The key of [`unsolved_limit`].
pub const UNSOLVED: &str = "unsolved";

/// The limit that signups without a solved challenge debit during an attack. They are held back, so they don't show among those that
/// wait for their confirmation. As long as this limit is used up, the attack goes on.
pub fn unsolved_limit(most_waiting: Option<u32>, overall: Option<Limit>) -> Option<Limit> {
    most_waiting.and_then(|max| Limit::new(max, WAITING_WITHIN)).or(overall)
}

/// How signups are going.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Whether the overall limit, or that of signups without a solved challenge, is used up or nearly so.
    pub limit_reached: bool,
    /// Signups of the last minutes that nobody has confirmed.
    pub waiting: i64,
    /// Those of the last hour.
    pub recent: Share,
    /// Those of the days before it.
    pub usual: Share,
}

impl Pulse {
    /// The sign of an attack, if there is one. `most_waiting`: so many that wait are too many; `None`: no number is.
    pub fn alarm(self, most_waiting: Option<u32>) -> Option<Alarm> {
        if self.limit_reached {
            return Some(Alarm::LimitReached);
        }
        if most_waiting.is_some_and(|most| self.waiting >= i64::from(most)) {
            return Some(Alarm::Flood);
        }
        let Self { recent, usual, .. } = self;
        let known = recent.asked >= LEAST_RECENT && usual.asked >= LEAST_USUAL;
        // Shares compared without dividing.
        let far_fewer = recent.confirmed * usual.asked * FAR_FEWER < usual.confirmed * recent.asked;
        (known && far_fewer).then_some(Alarm::FewConfirm)
    }
}

/// What is known of an attack that is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attack {
    /// The sign it was known by.
    pub alarm: Alarm,
    /// Since when.
    pub since: Timestamp,
    /// When a sign was last seen.
    pub seen_at: Timestamp,
}

/// What follows from a look at the signups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// All is well, as before.
    None,
    /// An attack begins.
    Begins(Attack),
    /// It goes on.
    GoesOn(Attack),
    /// It is over.
    Ends(Attack),
}

/// What follows from a sign, or none, for what was known before.
pub fn change(known: Option<Attack>, sign: Option<Alarm>, now: Timestamp) -> Change {
    match (known, sign) {
        (None, None) => Change::None,
        (None, Some(alarm)) => Change::Begins(Attack { alarm, since: now, seen_at: now }),
        (Some(attack), Some(_)) => Change::GoesOn(Attack { seen_at: now, ..attack }),
        (Some(attack), None) if now.duration_since(attack.seen_at) >= CALM => Change::Ends(attack),
        (Some(attack), None) => Change::GoesOn(attack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(recent: (i64, i64), usual: (i64, i64)) -> Pulse {
        let share = |(asked, confirmed)| Share { asked, confirmed };
        Pulse { recent: share(recent), usual: share(usual), ..Pulse::default() }
    }

    #[test]
    fn any_sign_is_enough_and_quiet_is_none() {
        let quiet = Pulse::default();
        assert_eq!(quiet.alarm(Some(1)), None);
        assert_eq!(Pulse { limit_reached: true, ..quiet }.alarm(None), Some(Alarm::LimitReached));
        let many = Pulse { waiting: 500, ..quiet };
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
            let alarm = shares(recent, usual).alarm(None);
            assert_eq!(alarm, sign.then_some(Alarm::FewConfirm), "{recent:?} of {usual:?}");
        }
    }

    #[test]
    fn an_attack_is_over_a_quarter_of_an_hour_after_its_last_sign() {
        let begin = Timestamp::UNIX_EPOCH;
        let Change::Begins(attack) = change(None, Some(Alarm::Flood), begin) else { panic!("no beginning") };
        let later = begin + SignedDuration::from_mins(14);
        assert_eq!(change(Some(attack), None, later), Change::GoesOn(attack));
        let Change::GoesOn(attack) = change(Some(attack), Some(Alarm::LimitReached), later) else {
            panic!("no second sign")
        };
        assert_eq!((attack.alarm, attack.since, attack.seen_at), (Alarm::Flood, begin, later));
        assert_eq!(change(Some(attack), None, later + CALM), Change::Ends(attack));
        assert_eq!(change(None, None, later), Change::None);
    }

    proptest! {
        #[test]
        fn outside_is_what_no_alarm_covers(
            (after, until) in (0i64..30, 0i64..40),
            times in prop::collection::vec((0i64..40, prop::option::of(0i64..20)), 0..4),
            moment in 0i64..45,
        ) {
            let at = |micros| Timestamp::from_microsecond(micros).unwrap();
            let doubtful: Vec<Doubtful> = times
                .iter()
                .map(|(since, lasts)| Doubtful { since: at(*since), until: lasts.map(|lasts| at(since + lasts)) })
                .collect();
            let covered = doubtful.iter().any(|it| it.since <= at(moment) && it.until.is_none_or(|until| at(moment) <= until));
            let spans = outside(at(after), at(until), doubtful);
            let found = spans.iter().filter(|(after, until)| *after < at(moment) && at(moment) <= *until).count();
            prop_assert_eq!(found, usize::from(moment > after && moment <= until && !covered), "{:?}", spans);
        }

        #[test]
        fn more_confirmations_never_raise_an_alarm(
            asked in 0_i64..=SAMPLE, confirmed in 0_i64..=SAMPLE, more in 0_i64..=SAMPLE, usual in 0_i64..=SAMPLE,
        ) {
            let pulse = |confirmed| shares((asked, confirmed), (SAMPLE, usual));
            prop_assert!(pulse(confirmed).alarm(None).is_some() || pulse(confirmed + more).alarm(None).is_none());
        }
    }
}
