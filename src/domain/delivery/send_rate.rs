//! Send rates: messages per minute for a relay or a destination domain, and their change with its answers.
//!
//! Permits are reserved ahead in small numbers. Reserving `n` permits moves a timestamp forward by `n`
//! intervals. Because the timestamp is one database value, the rate holds for any number of processes.

use jiff::{SignedDuration, Timestamp};

/// The minimum rate for a throttled domain: one message in two seconds. At a lower rate a long list would
/// never finish.
const MIN_RATE: u32 = 30;
/// A rate above this counts as no limit.
const UNLIMITED: u32 = 60_000;
/// Rejections within this time count once: they concern messages that were already in flight.
const COOLDOWN: SignedDuration = SignedDuration::from_secs(30);
/// A throttled rate grows by a quarter in this time without rejections.
const RECOVERY_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// Each reservation covers this much time.
const RESERVATION_MS: u32 = 500;

/// A reduced rate, as of the last rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReducedRate {
    /// Messages per minute at that time.
    pub per_minute: u32,
    /// The time of that rejection.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendRate {
    /// The configured messages per minute; `None`: no limit.
    pub configured: Option<u32>,
    /// The reduction after rejections.
    pub slowed: Option<ReducedRate>,
}

impl SendRate {
    /// Returns the current messages per minute; `None`: no limit.
    pub fn per_minute(&self, now: Timestamp) -> Option<u32> {
        let recovered = self.slowed.map(|slowed| slowed.recovered(now)).filter(|rate| *rate < UNLIMITED);
        match (self.configured, recovered) {
            (Some(configured), Some(recovered)) => Some(configured.min(recovered)),
            (configured, recovered) => configured.or(recovered),
        }
    }

    /// Halves the rate after a rejection. `recent` is the actual rate, which counts where there was no limit.
    /// `None`: an earlier rejection covers this one.
    pub fn reduce(&self, recent: u32, now: Timestamp) -> Option<ReducedRate> {
        if self.slowed.is_some_and(|slowed| now.duration_since(slowed.at) < COOLDOWN) {
            return None;
        }
        let current = self.per_minute(now).map_or(recent, |rate| rate.min(recent.max(MIN_RATE * 2)));
        Some(ReducedRate { per_minute: (current / 2).max(MIN_RATE), at: now })
    }
}

impl ReducedRate {
    /// Returns the lowest rate, from which it recovers after a time.
    pub const fn lowest(at: Timestamp) -> Self {
        Self { per_minute: MIN_RATE, at }
    }

    fn recovered(self, now: Timestamp) -> u32 {
        let steps = now.duration_since(self.at).as_secs() / RECOVERY_INTERVAL.as_secs();
        let mut rate = self.per_minute;
        for _ in 0..steps.clamp(0, 100) {
            rate = rate.saturating_add(rate.div_ceil(4)).min(UNLIMITED);
        }
        rate
    }
}

/// The time between two messages.
pub fn interval(per_minute: u32) -> SignedDuration {
    SignedDuration::from_micros(60_000_000 / i64::from(per_minute.max(1)))
}

/// Returns the number of permits per reservation.
pub fn reservation_size(per_minute: u32) -> u32 {
    (u64::from(per_minute) * u64::from(RESERVATION_MS) / 60_000).max(1).try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_rejection_halves_the_rate_and_time_restores_it() {
        let unlimited = SendRate::default();
        assert_eq!(unlimited.per_minute(at(0)), None);
        let slowed = unlimited.reduce(1200, at(0)).unwrap();
        assert_eq!(slowed.per_minute, 600);
        let rate = SendRate { slowed: Some(slowed), ..unlimited };
        assert_eq!(rate.per_minute(at(59)), Some(600));
        assert_eq!(rate.per_minute(at(60)), Some(750));
        assert_eq!(rate.per_minute(at(3600)), None, "an hour later the limit is gone");
        assert_eq!(rate.reduce(600, at(10)), None, "a burst counts once");
        assert_eq!(rate.reduce(600, at(40)).unwrap().per_minute, 300);
    }

    #[test]
    fn the_configured_rate_is_never_exceeded() {
        let rate = SendRate { configured: Some(600), slowed: None };
        assert_eq!(rate.per_minute(at(0)), Some(600));
        let slowed = rate.reduce(580, at(0)).unwrap();
        assert_eq!(slowed.per_minute, 290);
        let rate = SendRate { slowed: Some(slowed), ..rate };
        assert_eq!(rate.per_minute(at(100_000)), Some(600));
    }

    #[test]
    fn a_rate_never_drops_to_zero() {
        let mut rate = SendRate::default();
        for n in 0..20 {
            let slowed = rate.reduce(4, at(n * 31));
            rate.slowed = slowed.or(rate.slowed);
        }
        assert_eq!(rate.slowed.unwrap().per_minute, MIN_RATE);
        assert_eq!((reservation_size(MIN_RATE), reservation_size(6000)), (1, 50));
        assert_eq!(interval(MIN_RATE), SignedDuration::from_secs(2));
    }
}
