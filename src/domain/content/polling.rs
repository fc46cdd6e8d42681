//! The pause between two reads of a feed.
//!
//! The pause follows the feed's habit: the time between its latest items, and the time since the last one.
//!
//! - Items often come in bursts, so a feed is read most often right after a new item. Then the pause grows:
//!   it is an eighth of the time since the last item.
//! - As long as the feed keeps its habit, the pause is at most a quarter of the usual time between two items.
//! - The feed's own wish (its `ttl`, `sy:updatePeriod`, or the response's `max-age`) is the shortest pause.
//! - In any case, the pause is between `fastest` and `slowest`.
//! - After failures the pause doubles from `fastest` up to `slowest`. Only `Retry-After` can extend it
//!   further.

use jiff::{SignedDuration, Timestamp};

/// Items closer together than this count as one event.
const TOGETHER: SignedDuration = SignedDuration::from_mins(15);
/// Number of latest events that make up a habit.
pub const HABIT_EVENTS: usize = 30;
/// Fewest gaps that make up a habit.
const LEAST_GAPS: usize = 2;
/// Longest `Retry-After` that is respected.
pub const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The bounds of the pause between two reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest pause.
    pub fastest: SignedDuration,
    pub slowest: SignedDuration,
}

/// A feed's publishing pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habit {
    /// Time of the latest item.
    pub last_item_at: Timestamp,
    /// Usual and longest time between two of the latest items. `None` if there are too few.
    pub gaps: Option<Gaps>,
}

/// The time between a feed's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaps {
    pub usual: SignedDuration,
    pub longest: SignedDuration,
}

impl Habit {
    /// Derives the habit from the times of a feed's items, in any order. Times in the future are ignored.
    /// Returns `None` if there are no others.
    pub fn of(mut moments: Vec<Timestamp>, now: Timestamp) -> Option<Self> {
        moments.retain(|at| *at <= now);
        moments.sort_unstable_by(|a, b| b.cmp(a));
        let last_item_at = *moments.first()?;
        let mut events: Vec<Timestamp> = Vec::new();
        for at in moments {
            if events.last().is_none_or(|last| last.duration_since(at) > TOGETHER) {
                events.push(at);
            }
            if events.len() == HABIT_EVENTS {
                break;
            }
        }
        let mut gaps: Vec<SignedDuration> =
            events.windows(2).map(|pair| pair[0].duration_since(pair[1])).collect();
        gaps.sort_unstable();
        let gaps = (gaps.len() >= LEAST_GAPS)
            .then(|| Some(Gaps { usual: *gaps.get(gaps.len() / 2)?, longest: *gaps.last()? }))
            .flatten();
        Some(Self { last_item_at, gaps })
    }
}

/// Returns the pause after a successful read. `known_since` is when the feed was added, and `wish` the
/// shortest pause that the feed asks for.
pub fn pause(
    pace: Pace,
    habit: Option<Habit>,
    known_since: Timestamp,
    wish: Option<SignedDuration>,
    now: Timestamp,
) -> SignedDuration {
    let gaps = habit.and_then(|habit| habit.gaps);
    let since = match (habit, gaps) {
        (Some(habit), Some(_)) => habit.last_item_at,
        // Without known gaps, the silence begins no earlier than when the feed was added.
        (Some(habit), None) => habit.last_item_at.max(known_since),
        (None, _) => known_since,
    };
    let silence = now.duration_since(since).max(SignedDuration::ZERO);
    let by_silence = silence / 8;
    let pause = match gaps {
        Some(gaps) if silence <= gaps.longest => by_silence.min(gaps.usual / 4),
        _ => by_silence,
    };
    pause.max(wish.unwrap_or_default()).min(pace.slowest).max(pace.fastest)
}

/// Returns the pause after the `failures`-th consecutive failure (from 1). `retry_after` is the delay that
/// the site asked for.
pub fn pause_after_failure(pace: Pace, failures: i64, retry_after: Option<SignedDuration>) -> SignedDuration {
    let factor = 1_i32 << failures.saturating_sub(1).clamp(0, 10);
    let pause = pace.fastest.saturating_mul(factor).min(pace.slowest).max(pace.fastest);
    pause.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: Pace =
        Pace { fastest: SignedDuration::from_mins(15), slowest: SignedDuration::from_hours(6) };

    fn now() -> Timestamp {
        "2026-05-01T06:00:00Z".parse().unwrap()
    }

    fn mins(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }

    fn habit(silence: i64, usual: i64, longest: i64) -> Habit {
        let gaps = Gaps { usual: mins(usual), longest: mins(longest.max(usual)) };
        Habit { last_item_at: now() - mins(silence), gaps: Some(gaps) }
    }

    fn pause_of(habit: Habit) -> SignedDuration {
        pause(PACE, Some(habit), now() - mins(100_000), None, now())
    }

    #[test]
    fn busy_feeds_are_read_often_and_sleepy_ones_rarely() {
        let (hour, day) = (60, 24 * 60);
        for (silence, usual, longest, minutes) in [
            (20, 30, hour, 15),              // a newsroom at work
            (5 * hour, hour, 10 * hour, 15), // … at night
            (2 * day, hour, 10 * hour, 360), // … on a long weekend
            (0, 7 * day, 8 * day, 15),       // a weekly column just out
            (day, 7 * day, 8 * day, 180),
            (3 * day, 7 * day, 8 * day, 360),
            (12 * hour, day, 3 * day, 90), // one story a day
        ] {
            assert_eq!(
                pause_of(habit(silence, usual, longest)),
                mins(minutes),
                "{silence} {usual} {longest}"
            );
        }
    }

    #[test]
    fn a_feed_whose_habit_is_not_known_is_observed() {
        let fresh = Some(Habit { last_item_at: now() - mins(9_999), gaps: None });
        assert_eq!(pause(PACE, fresh, now(), None, now()), PACE.fastest);
        assert_eq!(pause(PACE, None, now(), None, now()), PACE.fastest);
        assert_eq!(pause(PACE, None, now() - mins(99_999), None, now()), PACE.slowest);
    }

    #[test]
    fn what_came_together_is_one_event() {
        let batch = |day: i64| (0..5).map(move |n| now() - mins(day * 1_440 + n));
        let found = Habit::of((0..4).flat_map(batch).collect(), now()).unwrap();
        assert_eq!(found.last_item_at, now());
        let gaps = found.gaps.unwrap();
        assert!((mins(1_430)..=mins(1_440)).contains(&gaps.usual), "{gaps:?}");
        assert_eq!(Habit::of(vec![now() + mins(1)], now()), None, "what is announced has not come");
        assert_eq!(Habit::of(vec![now(), now() - mins(60)], now()).unwrap().gaps, None);
    }

    #[test]
    fn after_failures_the_pause_doubles_and_a_site_may_ask_for_more() {
        let minutes: Vec<i64> = (1..8).map(|n| pause_after_failure(PACE, n, None).as_mins()).collect();
        assert_eq!(minutes, [15, 30, 60, 120, 240, 360, 360]);
        assert_eq!(pause_after_failure(PACE, 1, Some(mins(700))), mins(700));
        assert_eq!(pause_after_failure(PACE, 1, Some(mins(99_999))), LONGEST_RETRY_AFTER);
    }

    proptest! {
        #[test]
        fn the_bounds_hold(
            silence in -1_000_i64..1_000_000, usual in 0_i64..100_000, longest in 0_i64..100_000,
            wish in proptest::option::of(0_i64..100_000), known in any::<bool>(),
        ) {
            let habit = known.then(|| habit(silence, usual, longest));
            let pause = pause(PACE, habit, now() - mins(silence), wish.map(mins), now());
            prop_assert!((PACE.fastest..=PACE.slowest).contains(&pause), "{pause}");
            if let Some(wish) = wish {
                prop_assert!(pause >= mins(wish).min(PACE.slowest));
            }
        }

        #[test]
        fn a_new_item_makes_it_quicker_and_waiting_never_does(
            silence in 0_i64..50_000, more in 0_i64..50_000, usual in 1_i64..20_000, longest in 1_i64..50_000,
        ) {
            let before = pause_of(habit(silence + more, usual, longest));
            prop_assert!(pause_of(habit(silence, usual, longest)) <= before);
            prop_assert_eq!(pause_of(habit(0, usual, longest)), PACE.fastest);
        }

        #[test]
        fn a_busier_feed_is_never_read_less_often(
            silence in 0_i64..50_000, usual in 1_i64..20_000, less in 0_i64..20_000, longest in 20_000_i64..50_000,
        ) {
            let busy = pause_of(habit(silence, usual.min(less), longest));
            prop_assert!(busy <= pause_of(habit(silence, usual.max(less), longest)));
        }

        #[test]
        fn a_habit_depends_on_nothing_but_the_moments(
            minutes in proptest::collection::vec(-100_i64..200_000, 0..80), turn in 0_usize..80,
        ) {
            let moments: Vec<Timestamp> = minutes.iter().map(|it| now() - mins(*it)).collect();
            let mut turned = moments.clone();
            turned.rotate_left(if moments.is_empty() { 0 } else { turn % moments.len() });
            let found = Habit::of(moments, now());
            prop_assert_eq!(found, Habit::of(turned, now()));
            if let Some(Habit { last_item_at, gaps }) = found {
                prop_assert!(last_item_at <= now());
                prop_assert!(gaps.is_none_or(|gaps| gaps.usual <= gaps.longest && gaps.usual > TOGETHER));
            }
        }
    }
}
