//! Pace: how many messages a minute a relay or a destination domain may be given, and how that changes with what it says.
//!
//! Permits are given out ahead in small portions: whoever reserves `n` of them moves the moment up to which permits are given
//! by `n` intervals. As that moment is kept in one place, the sum holds however many processes reserve.

use jiff::{SignedDuration, Timestamp};

/// The slowest a domain is made by its own complaints: one message in two seconds. Slower, a list never comes to its end.
const SLOWEST: u32 = 30;
/// A pace beyond this is no limit.
const UNLIMITED: u32 = 60_000;
/// Complaints within this time are one: they are about messages that were under way already.
const ONE_COMPLAINT: SignedDuration = SignedDuration::from_secs(30);
/// A slowed pace grows by a quarter in this time without complaints.
const GROWS_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Permits reserved at once are for this long.
const PORTION_MS: u32 = 500;

/// A pace as it was left by the last complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowed {
    /// Messages a minute at that moment.
    pub per_minute: u32,
    /// When it was.
    pub at: Timestamp,
}

/// The pace of one relay or domain: what is configured, and what it has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// Messages a minute, as configured; `None`: no limit.
    pub configured: Option<u32>,
    /// What its complaints have made of it.
    pub slowed: Option<Slowed>,
}

impl Pace {
    /// Messages a minute now; `None`: no limit.
    pub fn per_minute(&self, now: Timestamp) -> Option<u32> {
        let recovered = self.slowed.map(|slowed| slowed.recovered(now)).filter(|rate| *rate < UNLIMITED);
        match (self.configured, recovered) {
            (Some(configured), Some(recovered)) => Some(configured.min(recovered)),
            (configured, recovered) => configured.or(recovered),
        }
    }

    /// What a complaint makes of it: half of what it was given. `seen` is the number of messages a minute that it got when there
    /// was no limit. `None`: the complaint belongs to one that was heard already.
    pub fn complaint(&self, seen: u32, now: Timestamp) -> Option<Slowed> {
        if self.slowed.is_some_and(|slowed| now.duration_since(slowed.at) < ONE_COMPLAINT) {
            return None;
        }
        let was = self.per_minute(now).map_or(seen, |rate| rate.min(seen.max(SLOWEST * 2)));
        Some(Slowed { per_minute: (was / 2).max(SLOWEST), at: now })
    }
}

impl Slowed {
    fn recovered(self, now: Timestamp) -> u32 {
        let steps = now.duration_since(self.at).as_secs() / GROWS_EVERY.as_secs();
        let mut rate = self.per_minute;
        for _ in 0..steps.clamp(0, 100) {
            rate = rate.saturating_add(rate.div_ceil(4)).min(UNLIMITED);
        }
        rate
    }
}

/// The time from one message to the next.
pub fn interval(per_minute: u32) -> SignedDuration {
    SignedDuration::from_micros(60_000_000 / i64::from(per_minute.max(1)))
}

/// How many permits are reserved at once.
pub fn portion(per_minute: u32) -> u32 {
    (u64::from(per_minute) * u64::from(PORTION_MS) / 60_000).max(1).try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_complaint_halves_and_time_makes_good() {
        let free = Pace::default();
        assert_eq!(free.per_minute(at(0)), None);
        let slowed = free.complaint(1200, at(0)).unwrap();
        assert_eq!(slowed.per_minute, 600);
        let pace = Pace { slowed: Some(slowed), ..free };
        assert_eq!(pace.per_minute(at(59)), Some(600));
        assert_eq!(pace.per_minute(at(60)), Some(750));
        assert_eq!(pace.per_minute(at(3600)), None, "an hour later it is as it was");
        assert_eq!(pace.complaint(600, at(10)), None, "one burst is one complaint");
        assert_eq!(pace.complaint(600, at(40)).unwrap().per_minute, 300);
    }

    #[test]
    fn what_is_configured_is_never_passed() {
        let pace = Pace { configured: Some(600), slowed: None };
        assert_eq!(pace.per_minute(at(0)), Some(600));
        let slowed = pace.complaint(580, at(0)).unwrap();
        assert_eq!(slowed.per_minute, 290);
        let pace = Pace { slowed: Some(slowed), ..pace };
        assert_eq!(pace.per_minute(at(100_000)), Some(600));
    }

    #[test]
    fn nobody_is_slowed_to_a_stop() {
        let mut pace = Pace::default();
        for n in 0..20 {
            let slowed = pace.complaint(4, at(n * 31));
            pace.slowed = slowed.or(pace.slowed);
        }
        assert_eq!(pace.slowed.unwrap().per_minute, SLOWEST);
        assert_eq!((portion(SLOWEST), portion(6000)), (1, 50));
        assert_eq!(interval(SLOWEST), SignedDuration::from_secs(2));
    }
}
