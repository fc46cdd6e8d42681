//! The only place that reads the time.
//!
//! Everything else takes a [`Clock`], so that tests control the time and never wait. `clippy.toml` forbids
//! the system clock elsewhere.
//!
//! The system's clock may jump, because somebody corrects it or the machine was suspended. Schedules follow the
//! jump. Elapsed time must not: [`Clock::adjusted`] takes the jumps out that this process has seen.

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

/// A difference to the monotonic clock that counts as a jump. Smaller ones come from corrections by NTP.
const JUMP: SignedDuration = SignedDuration::from_mins(1);

/// Reads the time in whole microseconds, the precision that both databases store.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
    jumps: Arc<Mutex<Jumps>>,
}

#[derive(Debug, Clone)]
enum Source {
    /// The system's clock, with the monotonic clock at the start.
    System(Instant),
    /// Microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

#[derive(Debug, Default)]
struct Jumps {
    /// The system's clock minus the monotonic one at the last reading, in microseconds.
    offset: Option<i64>,
    /// The time after each jump, and how far it led.
    seen: Vec<(Timestamp, SignedDuration)>,
}

impl Jumps {
    /// Compares the clocks, and notes a jump since the last reading.
    fn compare(&mut self, wall: Timestamp, monotonic: i64) {
        let offset = wall.as_microsecond() - monotonic;
        let by = SignedDuration::from_micros(offset - self.offset.unwrap_or(offset));
        if by.abs() > JUMP {
            tracing::warn!(%by, "the system's clock jumped");
            self.seen.push((wall, by));
        }
        // Slow corrections add up to no jump.
        self.offset = Some(offset);
    }
}

impl Clock {
    pub fn system() -> Self {
        Self { source: Source::System(Instant::now()), jumps: Arc::default() }
    }

    /// Creates a clock that stands at `start` until [`Clock::advance`] or [`Clock::set`] moves it. Its clones
    /// move with it.
    pub fn fixed(start: Timestamp) -> Self {
        Self {
            source: Source::Fixed(Arc::new(AtomicI64::new(start.as_microsecond()))),
            jumps: Arc::default(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system clock")]
    pub fn now(&self) -> Timestamp {
        let microseconds = match &self.source {
            Source::System(_) => Timestamp::now().as_microsecond(),
            Source::Fixed(at) => at.load(Ordering::SeqCst),
        };
        let now = Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH);
        if let Source::System(start) = &self.source {
            let elapsed = i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX);
            self.jumps.lock().compare(now, elapsed);
        }
        now
    }

    /// Returns an earlier time as the present clock would have shown it. The span from there until now is the time
    /// that really elapsed, as far as this process has seen the clock jump.
    pub fn adjusted(&self, at: Timestamp) -> Timestamp {
        self.now();
        let jumps = self.jumps.lock();
        jumps.seen.iter().filter(|(after, _)| *after > at).fold(at, |at, (_, by)| at + *by)
    }

    /// Moves a fixed clock forward. Does nothing to the system clock.
    pub fn advance(&self, by: SignedDuration) {
        self.set(self.now() + by);
    }

    /// Sets a fixed clock. Does nothing to the system clock.
    pub fn set(&self, to: Timestamp) {
        if let Source::Fixed(at) = &self.source {
            at.store(to.as_microsecond(), Ordering::SeqCst);
        }
    }

    /// Lets a fixed clock jump, while no time elapses. Does nothing to the system clock.
    pub fn jump(&self, by: SignedDuration) {
        if let Source::Fixed(_) = &self.source {
            self.advance(by);
            self.jumps.lock().seen.push((self.now(), by));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[test]
    fn elapsed_time_leaves_out_jumps() {
        let clock = Clock::fixed("2026-05-01T12:00:00Z".parse().unwrap());
        let begin = clock.now();
        let elapsed = |since| clock.now().duration_since(clock.adjusted(since));
        clock.advance(HOUR);
        clock.jump(HOUR * 72);
        let later = clock.now();
        clock.advance(HOUR);
        assert_eq!((elapsed(begin), elapsed(later)), (HOUR * 2, HOUR));
        clock.jump(HOUR * -72);
        assert_eq!(elapsed(begin), HOUR * 2);
        assert_eq!(clock.now(), begin + HOUR * 2);
    }

    #[test]
    fn a_jump_is_what_the_monotonic_clock_did_not_see() {
        let start: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        let mut jumps = Jumps::default();
        let micros = |span: SignedDuration| i64::try_from(span.as_micros()).unwrap();
        jumps.compare(start, 0);
        jumps.compare(start + HOUR, micros(HOUR));
        // Corrected by half a minute.
        jumps.compare(start + HOUR * 2, micros(HOUR * 2 + SignedDuration::from_secs(30)));
        assert!(jumps.seen.is_empty());
        jumps.compare(start + HOUR * 75, micros(HOUR * 3 + SignedDuration::from_secs(30)));
        assert_eq!(jumps.seen, [(start + HOUR * 75, HOUR * 72)]);
    }

    #[test]
    fn the_system_clock_does_not_jump_by_itself() {
        let clock = Clock::system();
        let at = clock.now();
        assert_eq!(clock.adjusted(at), at);
    }
}
