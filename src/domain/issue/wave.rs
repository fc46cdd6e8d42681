//! A wave: the readers of an issue who are due at one moment.

use crate::domain::{issue::schedule::due_for, newsletter::Newsletter};
use jiff::{Timestamp, civil::Date};
use std::collections::BTreeMap;

/// The readers of an issue who are due at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// The moment.
    pub due_at: Timestamp,
    /// The clocks that show the time of the issue then, as `subscriptions.clock` has them.
    pub clocks: Vec<String>,
    /// How many readers have these clocks.
    pub readers: i64,
}

/// The waves of the issue of a date, in the order of their moments, from how many readers each clock has. Clocks of one moment
/// are one wave; without readers there is none.
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
    use crate::domain::newsletter::WhoseClock;
    use jiff::{civil::date, tz::TimeZone};

    const CLOCKS: [(&str, i64); 5] = [
        ("America/Los_Angeles|", 5),
        ("Europe/Berlin|", 2),
        ("Europe/Rome|07:00", 3),
        ("Pacific/Auckland|", 1),
        ("|", 10),
    ];

    fn berlin(clock: WhoseClock) -> (Newsletter, Vec<(String, i64)>) {
        let time_zone = TimeZone::get("Europe/Berlin").unwrap();
        let clocks = CLOCKS.map(|(clock, readers)| (clock.to_owned(), readers));
        (Newsletter { time_zone, clock, ..Newsletter::out_of_the_box() }, clocks.into())
    }

    #[test]
    fn readers_of_one_moment_are_one_wave_and_waves_follow_each_other() {
        let (newsletter, clocks) = berlin(WhoseClock::Reader);
        let waves = waves(&newsletter, date(2026, 5, 2), &clocks);
        let seen: Vec<_> =
            waves.iter().map(|it| (it.due_at.to_string(), it.clocks.len(), it.readers)).collect();
        let expected =
            [("2026-05-01T19:00:00Z", 1, 1), ("2026-05-02T05:00:00Z", 3, 15), ("2026-05-02T14:00:00Z", 1, 5)];
        assert_eq!(seen, expected.map(|(at, clocks, readers)| (at.to_owned(), clocks, readers)));
    }

    #[test]
    fn on_the_newsletters_clock_there_is_one_wave_at_most() {
        let (newsletter, clocks) = berlin(WhoseClock::Newsletter);
        let waves = waves(&newsletter, date(2026, 5, 2), &clocks);
        assert_eq!((waves.len(), waves[0].readers, waves[0].clocks.len()), (1, 21, 5));
        assert_eq!(super::waves(&newsletter, date(2026, 5, 2), &[]), []);
    }
}
