//! Retry schedules.

use jiff::{SignedDuration, Timestamp};

/// Delays after the first, second, … deferral of a recipient. The last delay repeats until [`GIVE_UP_AFTER`].
pub const DEFERRAL_DELAYS: [SignedDuration; 6] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(6),
];

/// How long a deferred recipient is retried. By then the next issue is due.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How often a message is repeated that relays took without an answer. The reader may have every copy.
pub const MAX_REPEATS: i64 = 2;

/// Delays after the first, second, … failure to reach any relay. They are short, because the recipient is not
/// at fault.
const RELAY_DELAYS: [SignedDuration; 5] = [
    SignedDuration::from_secs(2),
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(15),
    SignedDuration::from_secs(30),
    SignedDuration::from_secs(60),
];

/// Returns the next attempt for a recipient that was deferred `attempts` times (from 1); `None`: give up.
/// `first_due` is when the delivery was first due. `jitter`, from 0 to 1, lengthens the delay by up to a
/// fifth, so that recipients deferred together don't all come back together.
pub fn next_attempt(attempts: i64, first_due: Timestamp, now: Timestamp, jitter: f64) -> Option<Timestamp> {
    let delay = nth_delay(&DEFERRAL_DELAYS, attempts);
    // A fifth of a few hours fits f64 and i64 easily.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let longer =
        SignedDuration::from_millis((delay.as_secs() as f64 * 200.0 * jitter.clamp(0.0, 1.0)) as i64);
    let next = now + delay + longer;
    (next.duration_since(first_due) < GIVE_UP_AFTER).then_some(next)
}

/// Returns how long to back off from a relay after `failures` consecutive failures (from 1).
pub fn relay_pause(failures: i64) -> SignedDuration {
    nth_delay(&RELAY_DELAYS, failures)
}

/// Returns how long an email waits when no relay can be reached. A reader may be waiting for it, so the first
/// delays are a few seconds; they grow with the outage.
pub fn relay_wait(waited: SignedDuration) -> SignedDuration {
    (waited / 10).clamp(RELAY_DELAYS[0], RELAY_DELAYS[RELAY_DELAYS.len() - 1])
}

fn nth_delay(delays: &[SignedDuration], nth: i64) -> SignedDuration {
    let index = usize::try_from(nth.max(1) - 1).unwrap_or(usize::MAX);
    delays[index.min(delays.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_end_within_a_day() {
        let start: Timestamp = "2026-03-01T07:00:00Z".parse().unwrap();
        let (mut now, mut tries) = (start, 0);
        assert!(next_attempt(1, start, start, 1.0) > next_attempt(1, start, start, 0.0), "jitter");
        while let Some(next) = next_attempt(tries + 1, start, now, 1.0) {
            assert!(next > now);
            (now, tries) = (next, tries + 1);
            assert!(tries < 50, "must end");
        }
        assert!(now.duration_since(start) < GIVE_UP_AFTER);
        assert!(tries >= 6, "a day leaves room for several tries, got {tries}");
    }

    #[test]
    fn a_relay_is_retried_at_least_once_a_minute() {
        assert_eq!(relay_pause(0), relay_pause(1));
        assert_eq!(relay_pause(1_000_000), SignedDuration::from_secs(60));
        assert_eq!(relay_wait(SignedDuration::ZERO), SignedDuration::from_secs(2));
        assert_eq!(relay_wait(SignedDuration::from_mins(5)), SignedDuration::from_secs(30));
        assert_eq!(relay_wait(SignedDuration::from_hours(5)), SignedDuration::from_secs(60));
    }
}
