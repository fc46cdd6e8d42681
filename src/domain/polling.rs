//! How often a feed is read, and when it is in trouble.
//!
//! The rule follows the feed's habit: the time between its latest items, and how long ago the last one came.
//!
//! - Right after a new item a feed is read at the fastest, because items often come in bursts; then less and less often: the
//!   pause is an eighth of the time since the last item,
//! - but, as long as the feed keeps to its habit, never more than a quarter of the usual time between two items;
//! - never faster than `fastest`, nor slower than `slowest`, whatever the feed asks for (its `ttl`, `sy:updatePeriod`, or the
//!   answer's `max-age`), which otherwise counts as the least pause.
//! - After failures the pause doubles from `fastest` up to `slowest`. Only `Retry-After` can make it longer than that.

use jiff::{SignedDuration, Timestamp};

/// Items closer to each other than this came together: one event.
const TOGETHER: SignedDuration = SignedDuration::from_mins(15);
/// How many events a habit is made from: the latest.
pub const HABIT_EVENTS: usize = 30;
/// Gaps below which there is no habit to speak of.
const LEAST_GAPS: usize = 2;
/// A site may ask us to stay away for so long at most.
pub const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The bounds within which feeds are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest pause between two readings.
    pub fastest: SignedDuration,
    /// The longest.
    pub slowest: SignedDuration,
}

/// How a feed has been publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habit {
    /// When its latest item came.
    pub last_item_at: Timestamp,
    /// The usual (median) and the longest time between two of its latest items; `None`: too few to tell.
    pub gaps: Option<Gaps>,
}

/// The time between a feed's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaps {
    /// The median.
    pub usual: SignedDuration,
    /// The longest.
    pub longest: SignedDuration,
}

impl Habit {
    /// The habit that the moments of a feed's items show, in any order. Those in the future don't count. `None`: there are
    /// none.
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

/// The pause until a feed that was just read well is read again. `known_since`: when it was added; `wish`: the least pause
/// that it asks for.
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
        // A feed whose habit is not known yet is observed.
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

/// The pause after a failure, the `failures`-th in a row (from 1). `retry_after`: what the site asked for.
pub fn pause_after_failure(pace: Pace, failures: i64, retry_after: Option<SignedDuration>) -> SignedDuration {
    let factor = 1_i32 << failures.saturating_sub(1).clamp(0, 10);
    let pause = pace.fastest.saturating_mul(factor).min(pace.slowest).max(pace.fastest);
    pause.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER))
}
