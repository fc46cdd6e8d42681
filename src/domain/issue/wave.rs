//! Waves: the readers of an issue who are due at the same time.

use crate::domain::{issue::schedule::due_for, newsletter::Newsletter};
use jiff::{Timestamp, civil::Date};
use std::collections::BTreeMap;

/// Readers of an issue who are due at the same time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wave {
    pub due_at: Timestamp,
    /// Their clocks, in the form of `subscriptions.clock`.
    pub clocks: Vec<String>,
    pub readers: i64,
}

/// Returns the waves of an issue in order of time, given the number of readers per clock. Clocks that are due
/// at the same time share a wave; without readers there are no waves.
pub fn waves(newsletter: &Newsletter, date: Date, clocks: &[(String, i64)]) -> Vec<Wave> {
    let mut waves = BTreeMap::new();
    for (clock, readers) in clocks {
        let due_at = due_for(newsletter, clock, date);
        let wave = waves.entry(due_at).or_insert_with(|| Wave { due_at, clocks: Vec::new(), readers: 0 });
        wave.clocks.push(clock.clone());
        wave.readers += readers;
    }
    waves.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::newsletter::SendClock;
    use jiff::{civil::date, tz::TimeZone};

    const CLOCKS: [(&str, i64); 5] = [
        ("America/Los_Angeles|", 5),
        ("Europe/Berlin|", 2),
        ("Europe/Rome|07:00", 3),
        ("Pacific/Auckland|", 1),
        ("|", 10),
    ];

    fn berlin(clock: SendClock) -> (Newsletter, Vec<(String, i64)>) {
        let time_zone = TimeZone::get("Europe/Berlin").unwrap();
        let clocks = CLOCKS.map(|(clock, readers)| (clock.to_owned(), readers));
        (Newsletter { time_zone, clock, ..Newsletter::default() }, clocks.into())
    }

    #[test]
    fn readers_due_at_the_same_time_share_a_wave_and_waves_are_in_order() {
        let (newsletter, clocks) = berlin(SendClock::Reader);
        let waves = waves(&newsletter, date(2026, 5, 2), &clocks);
        let found: Vec<_> =
            waves.iter().map(|it| (it.due_at.to_string(), it.clocks.len(), it.readers)).collect();
        let expected =
            [("2026-05-01T19:00:00Z", 1, 1), ("2026-05-02T05:00:00Z", 3, 15), ("2026-05-02T14:00:00Z", 1, 5)];
        assert_eq!(found, expected.map(|(at, clocks, readers)| (at.to_owned(), clocks, readers)));
    }

    #[test]
    fn on_the_newsletters_clock_there_is_one_wave_at_most() {
        let (newsletter, clocks) = berlin(SendClock::Newsletter);
        let waves = waves(&newsletter, date(2026, 5, 2), &clocks);
        assert_eq!((waves.len(), waves[0].readers, waves[0].clocks.len()), (1, 21, 5));
        assert_eq!(super::waves(&newsletter, date(2026, 5, 2), &[]), []);
    }
}
