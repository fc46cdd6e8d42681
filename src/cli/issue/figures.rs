//! Formats counts, rates and times for people.

pub use crate::domain::figures::{counted, duration, number, percent};

use crate::{
    db::deliveries::Counts,
    domain::delivery::breaker::{Breaker, Score},
};
use std::{fmt::Write as _, time::Duration};

/// Lists the counts above zero on one line.
pub fn counts_line(counts: &Counts) -> String {
    let parts = [
        (counts.sent, "sent"),
        (counts.queued, "queued"),
        (counts.claimed, "claimed"),
        (counts.sending, "sending"),
        (counts.deferred, "deferred"),
        (counts.failed, "failed"),
        (counts.uncertain, "uncertain"),
        (counts.skipped, "skipped"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    if parts.is_empty() { "no readers".into() } else { parts.join(" · ") }
}

/// Formats messages per second, with a decimal below 10.
pub fn rate(per_second: f64) -> String {
    let digits = usize::from(per_second < 10.0);
    format!("{per_second:.digits$}/s")
}

/// Returns the number of finished deliveries.
pub const fn finished(counts: &Counts) -> i64 {
    counts.total() - counts.open()
}

/// Returns messages per second between two counts.
pub fn messages_per_second(before: &Counts, after: &Counts, time: Duration) -> f64 {
    let progress = u32::try_from(finished(after) - finished(before)).unwrap_or(0);
    f64::from(progress) / time.as_secs_f64().max(f64::EPSILON)
}

/// Estimates the time for all deliveries that can go out now. Deferred ones wait for their own time, and
/// those in doubt for an operator.
pub fn eta(counts: &Counts, per_second: f64) -> Option<Duration> {
    let left = u32::try_from(counts.queued + counts.claimed + counts.sending).ok()?;
    let seconds = f64::from(left) / per_second;
    (left > 0 && per_second > 0.0).then(|| Duration::try_from_secs_f64(seconds).ok())?
}

/// Describes the share of refusals, and the breaker's limit.
pub fn refusal_rate(score: Score, breaker: Breaker) -> String {
    let Score { answered, refused, .. } = score;
    let share = percent(refused, answered);
    let mut text = format!("{refused} of {answered} answers were refusals ({share})");
    if breaker.max_failed_percent >= 100 {
        text.push_str("; the issue is never held for that");
    } else {
        let _ = write!(text, "; more than {} % hold the issue", breaker.max_failed_percent);
    }
    if let Some(left) = breaker.canary_room(score, 0) {
        let _ = write!(text, "; the canary waits for {left} more answers");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_right_plural() {
        let texts = [counted(1, "article"), counted(2_000_i64, "reader"), counted(0_usize, "entry")];
        assert_eq!(texts, ["1 article", "2,000 readers", "0 entries"]);
    }

    #[test]
    fn only_counts_that_say_something_are_shown() {
        assert_eq!(counts_line(&Counts::default()), "no readers");
        let counts = Counts { sent: 120, queued: 4880, failed: 2, ..Counts::default() };
        assert_eq!(counts_line(&counts), "120 sent · 4880 queued · 2 failed");
    }

    #[test]
    fn rates_and_times_are_short() {
        assert_eq!([rate(0.0), rate(0.25), rate(9.96), rate(1240.4)], ["0.0/s", "0.2/s", "10.0/s", "1240/s"]);
        let spans = [0, 59, 60, 200, 3599, 3600, 7500, 172_799, 900_000];
        let spans = spans.map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(
            spans,
            [
                "0 s",
                "59 s",
                "1 min 00 s",
                "3 min 20 s",
                "59 min 59 s",
                "1 h 00 min",
                "2 h 05 min",
                "47 h 59 min",
                "10 days"
            ]
        );
    }

    #[test]
    fn the_rate_is_what_came_to_an_end() {
        let before = Counts { sent: 10, queued: 90, ..Counts::default() };
        let after = Counts { sent: 25, failed: 5, queued: 60, deferred: 10, ..Counts::default() };
        let rate = messages_per_second(&before, &after, Duration::from_secs(2));
        assert!((rate - 10.0).abs() < 1e-9, "{rate}");
        assert!(
            messages_per_second(&after, &before, Duration::from_secs(2)).abs() < 1e-9,
            "a retry is no progress"
        );
        assert_eq!(eta(&after, rate), Some(Duration::from_secs(6)), "deferred ones wait for their own time");
        assert_eq!(eta(&after, 0.0), None);
        assert_eq!(eta(&Counts { deferred: 3, ..Counts::default() }, 5.0), None);
    }

    #[test]
    fn refusals_are_told_with_what_is_allowed() {
        let breaker = Breaker { canary: 200, max_failed_percent: 20 };
        let score = |answered, refused| Score { recipients: 5000, answered, refused };
        assert_eq!(
            refusal_rate(score(300, 12), breaker),
            "12 of 300 answers were refusals (4.0 %); more than 20 % hold the issue"
        );
        assert_eq!(
            refusal_rate(score(0, 0), breaker),
            "0 of 0 answers were refusals (0.0 %); more than 20 % hold the issue; the canary waits for 200 more answers"
        );
        let never = Breaker { canary: 0, max_failed_percent: 100 };
        assert!(refusal_rate(score(3, 3), never).ends_with("(100.0 %); the issue is never held for that"));
    }
}
