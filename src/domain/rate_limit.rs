//! Rate limits by the generic cell rate algorithm (GCRA, ITU-T I.371).
//!
//! The state of a key is one number, its theoretical arrival time (TAT). Each event moves the TAT on by its
//! cost, `window / max`. An event is allowed as long as that leaves the TAT within `window` of now. So `max`
//! events may come at once, and after that one for each cost that passes. One number fits one row and one
//! statement, whatever the limit.

use jiff::SignedDuration;

/// At most `max` events per `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Events allowed in a burst, and per window in the long run.
    pub max: u32,
    /// The time after which the whole limit is available again.
    pub window: SignedDuration,
}

impl Limit {
    /// A limit, or `None` for 0, which means unlimited.
    pub fn new(max: u32, window: SignedDuration) -> Option<Self> {
        (max > 0).then_some(Self { max, window })
    }

    fn window_micros(self) -> i64 {
        i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX / 4)
    }

    /// The time that one event takes up, in microseconds.
    fn cost(self) -> i64 {
        (self.window_micros() / i64::from(self.max.max(1))).max(1)
    }

    /// The events that the limit allows per `span` in the long run.
    pub fn events_in(self, span: SignedDuration) -> i64 {
        i64::try_from(span.as_micros()).unwrap_or(i64::MAX) / self.cost()
    }

    /// The same limit for `factor` times as many events.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self { max: self.max.saturating_mul(factor), ..self }
    }

    /// The used part of the limit, in percent. Times are in microseconds.
    pub fn used_percent(self, tat: i64, now: i64) -> i64 {
        (tat - now).max(0).saturating_mul(100) / self.window_micros().max(1)
    }

    /// Adds one event. Returns the new TAT, or how long until an event is allowed. Times are in microseconds.
    pub fn check(self, tat: i64, now: i64) -> Result<i64, SignedDuration> {
        let new = tat.max(now) + self.cost();
        let over = new - now - self.window_micros();
        if over > 0 { Err(SignedDuration::from_micros(over)) } else { Ok(new) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_events_may_come_at_once_and_come_back_one_by_one() {
        let limit = Limit { max: 4, window: SignedDuration::from_hours(1) };
        let (mut tat, now) = (0, 1_000_000_000_000);
        for _ in 0..4 {
            tat = limit.check(tat, now).unwrap();
        }
        assert_eq!(limit.check(tat, now), Err(SignedDuration::from_mins(15)));
        assert!(limit.check(tat, now + limit.cost()).is_ok());
        assert_eq!(limit.check(0, now), Ok(now + limit.cost()), "a TAT in the past has no effect");
    }

    #[test]
    fn the_used_part_is_in_percent() {
        let limit = Limit { max: 4, window: SignedDuration::from_secs(60) };
        let now = 1_000_000_000_000;
        let at = |seconds: i64| limit.used_percent(now + seconds * 1_000_000, now);
        assert_eq!((at(-5), at(0), at(15), at(60)), (0, 0, 25, 100));
        assert_eq!(limit.times(10), Limit { max: 40, ..limit });
    }
}
