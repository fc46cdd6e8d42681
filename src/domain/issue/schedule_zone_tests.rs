//! The schedule in every time zone of this system.
//!
//! Zones that have had the same offsets since 2009 are tested once, but every name is parsed. Due times are
//! tested for each date of 2020 to 2030 and of 2010 to 2012 (when Samoa skipped a day) at one time of day.
//! Around each clock change five times are tested, two of them in the skipped or repeated hour. The scheduler
//! runs in random zones over a few weeks, and looks at random times.

use super::*;
use crate::domain::issue::days::Days;
use jiff::{
    ToSpan as _,
    civil::{Time, date},
    tz::{Offset, TimeZone},
};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::LazyLock};

/// A zone with its clock changes from 2009 to 2031.
#[derive(Debug, Clone, PartialEq)]
struct Zone {
    zone: TimeZone,
    /// The start of each offset, and the offset, in seconds east of UTC.
    offsets: Vec<(i64, i64)>,
}

impl Zone {
    fn new(zone: TimeZone) -> Self {
        let start: Timestamp = "2009-06-01T00:00:00Z".parse().unwrap();
        let end: Timestamp = "2031-06-01T00:00:00Z".parse().unwrap();
        let seconds = |offset: Offset| i64::from(offset.seconds());
        let changes = zone.following(start).take_while(|it| it.timestamp() < end);
        let changes: Vec<_> = changes.map(|it| (it.timestamp().as_second(), seconds(it.offset()))).collect();
        let first = (i64::MIN, seconds(zone.to_offset(start)));
        let mut offsets = vec![first];
        for (at, offset) in changes {
            // Changes of the abbreviation alone don't count.
            if offsets.last().is_none_or(|(_, last)| *last != offset) {
                offsets.push((at, offset));
            }
        }
        Self { zone, offsets }
    }

    /// Computes the result of [`due_at`] from the changes alone: the first time at which the clock shows
    /// `time`, or if the clock skips it, that much later.
    fn expected(&self, date: Date, time: Time) -> i64 {
        let local = date.to_datetime(time).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
        let next = |index: usize| self.offsets.get(index + 1).map_or(i64::MAX, |(at, _)| *at);
        for (index, (from, offset)) in self.offsets.iter().enumerate() {
            let moment = local - offset;
            if moment < next(index) {
                // Before `from` the time is in the gap, which neither offset reaches.
                return if moment >= *from { moment } else { local - self.offsets[index - 1].1 };
            }
        }
        unreachable!("the last offset holds for good")
    }

    /// Returns the dates of clock changes, with the middle of the skipped or repeated interval.
    fn changes(&self) -> impl Iterator<Item = (Date, Time)> {
        self.offsets.windows(2).map(|pair| {
            let [(_, before), (at, after)] = [pair[0], pair[1]];
            let middle = Timestamp::from_second(at + before.midpoint(after)).unwrap();
            let local = middle.to_zoned(TimeZone::UTC).datetime();
            (local.date(), local.time().with().second(0).build().unwrap())
        })
    }
}

/// All zones with distinct offsets since 2009.
static ZONES: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    let mut zones: Vec<Zone> = Vec::new();
    for name in jiff::tz::db().available() {
        let Ok(zone) = parse_time_zone(name.as_str()) else { continue };
        let zone = Zone::new(zone);
        if !zones.iter().any(|it| it.offsets == zone.offsets) {
            zones.push(zone);
        }
    }
    assert!(zones.len() > 100, "this system has {} zones", zones.len());
    zones
});

fn newsletter(zone: &Zone, time: Time) -> Newsletter {
    Newsletter { time_zone: zone.zone.clone(), send_time: time, ..Newsletter::default() }
}

/// Tests consecutive dates at one time of day.
fn try_dates(zone: &Zone, time: Time, dates: impl Iterator<Item = Date>) {
    let newsletter = newsletter(zone, time);
    let mut last = i64::MIN;
    for date in dates {
        let due = due_at(&newsletter, date);
        let what = || format!("{date} {time} in {:?}", zone.zone.iana_name());
        assert_eq!(due.as_second(), zone.expected(date, time), "{}", what());
        assert!(last <= due.as_second(), "{} is due before the date before", what());
        let (earliest, latest) = span_in_all_zones(date);
        assert!(earliest <= due && due <= latest, "{} is due when no zone has that date", what());
        last = due.as_second();
    }
}

fn days_from(first: Date, last: Date) -> impl Iterator<Item = Date> {
    first.series(1.day()).take_while(move |date| *date <= last)
}

#[test]
fn every_date_is_due_once_in_every_zone_at_its_time() {
    for (index, zone) in (0..).zip(ZONES.iter()) {
        // A different time of day per zone.
        let time = Time::midnight().wrapping_add((index * 97_i64).minutes());
        try_dates(zone, time, days_from(date(2020, 1, 1), date(2030, 12, 31)));
        try_dates(zone, time, days_from(date(2010, 1, 1), date(2012, 12, 31)));
        for (change, middle) in zone.changes() {
            let day_before = change.yesterday().unwrap();
            let times = [
                middle,
                middle.wrapping_add(7.minutes()),
                Time::midnight(),
                jiff::civil::time(23, 59, 0, 0),
                time,
            ];
            for time in times {
                try_dates(zone, time, days_from(day_before, change.checked_add(2.days()).unwrap()));
            }
        }
    }
}

#[test]
fn a_reader_in_any_zone_is_due_as_a_newsletter_there() {
    let berlin =
        newsletter(&Zone::new(TimeZone::get("Europe/Berlin").unwrap()), jiff::civil::time(7, 0, 0, 0));
    let mut names = 0;
    for name in jiff::tz::db().available() {
        let Ok(zone) = parse_time_zone(name.as_str()) else { continue };
        names += 1;
        let there = Newsletter { time_zone: zone, ..berlin.clone() };
        let early = Newsletter { send_time: jiff::civil::time(2, 30, 0, 0), ..there.clone() };
        for day in [date(2026, 1, 15), date(2026, 3, 29), date(2026, 10, 25), date(2028, 7, 1)] {
            assert_eq!(due_on(&berlin, &format!("{name}|"), day), due_at(&there, day), "{name}");
            assert_eq!(due_on(&berlin, &format!("{name}|02:30"), day), due_at(&early, day), "{name}");
        }
    }
    assert!(names > 300, "this system has {names} zones");
    for unknown in ["", "|", "nowhere", "Mars/Olympus|99:00", "|x"] {
        assert_eq!(
            due_on(&berlin, unknown, date(2026, 5, 1)),
            due_at(&berlin, date(2026, 5, 1)),
            "{unknown}"
        );
    }
}

/// A scheduler that remembers only which dates have an issue, like the database.
struct Scheduler {
    newsletter: Newsletter,
    clocks: Vec<String>,
    since: Timestamp,
    issues: BTreeSet<Date>,
}

impl Scheduler {
    fn run_due(&mut self, margins: Margins, now: Timestamp) {
        let taken: Vec<Date> = self.issues.iter().copied().collect();
        for slot in open_slots(&self.newsletter, self.since, &taken, &self.clocks, margins, now) {
            assert!(self.issues.insert(slot.date), "{} has two issues", slot.date);
            assert!(slot.due.first >= self.since && slot.due.last >= slot.due.first);
            assert!(slot.due.first <= now + margins.plan_ahead, "{} is planned too early", slot.date);
            let late = now > slot.due.last + margins.grace;
            assert_eq!(slot.action == SlotAction::RecordMissed, late, "{}", slot.date);
        }
    }
}

fn zones() -> impl Strategy<Value = &'static Zone> {
    (0..ZONES.len()).prop_map(|index| &ZONES[index])
}

/// Seconds until the next look: minutes, hours, a few days of downtime, or a clock set back.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        4 => 1_i64..3600,
        8 => 3600_i64..50_000,
        1 => 86_400_i64..500_000,
        2 => -200_000_i64..0,
    ];
    proptest::collection::vec(step, 20..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_date_has_exactly_one_issue_whatever_the_clock_does(
        zone in zones(),
        readers in proptest::collection::vec((zones(), proptest::option::of(0_i64..1440)), 0..4),
        own_clock in any::<bool>(),
        (days, minute, start, plan_ahead, grace) in (1_u8..128, 0_i64..1440, 0_i64..4018 * 1440, 0_i64..1440, 1_i64..1440),
        steps in steps(),
    ) {
        let time = |minutes: i64| Time::midnight().wrapping_add(minutes.minutes());
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let days: Vec<&str> = (0..7).filter(|day| days & (1 << day) != 0).map(|day| names[day]).collect();
        let newsletter = Newsletter {
            days: Days::parse(&days.join(",")).unwrap(),
            clock: if own_clock { SendClock::Newsletter } else { SendClock::Reader },
            ..newsletter(zone, time(minute))
        };
        let clocks = readers.iter().map(|(zone, minutes)| {
            let time = minutes.map_or(String::new(), |minutes| time(minutes).strftime("%H:%M").to_string());
            format!("{}|{time}", zone.zone.iana_name().unwrap())
        });
        let since: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        let since = since + SignedDuration::from_mins(start);
        let margins = Margins {
            plan_ahead: SignedDuration::from_mins(plan_ahead),
            grace: SignedDuration::from_mins(grace),
        };
        let mut scheduler = Scheduler { newsletter, clocks: clocks.collect(), since, issues: BTreeSet::new() };
        let (mut now, mut latest) = (since, since);
        for step in steps {
            now = (now + SignedDuration::from_secs(step)).max(since);
            latest = latest.max(now);
            scheduler.run_due(margins, now);
            if now < latest {
                // The clock is corrected at the latest now.
                now = latest;
                scheduler.run_due(margins, now);
            }
        }
        // Expects exactly the dates that were due for planning by the last look.
        let Scheduler { newsletter, clocks, issues, .. } = scheduler;
        let first = date_at(&newsletter, since).checked_sub(3.days()).unwrap();
        let last = date_at(&newsletter, latest).checked_add(5.days()).unwrap();
        let begins = |date| {
            let own = due_at(&newsletter, date);
            let readers = clocks.iter().map(|clock| due_for(&newsletter, clock, date)).filter(|it| *it >= since);
            (own >= since).then(|| readers.min().unwrap_or(own))
        };
        let expected: BTreeSet<Date> = days_from(first, last)
            .filter(|date| newsletter.days.contains(*date))
            .filter(|date| begins(*date).is_some_and(|first| first - margins.plan_ahead <= latest))
            .collect();
        prop_assert_eq!(issues, expected);
    }

    #[test]
    fn the_next_slot_is_the_first_that_is_not_due_yet(zone in zones(), minute in 0_i64..1440, days in 1_u8..128, at in 0_i64..4018 * 1440) {
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let days: Vec<&str> = (0..7).filter(|day| days & (1 << day) != 0).map(|day| names[day]).collect();
        let newsletter = Newsletter {
            days: Days::parse(&days.join(",")).unwrap(),
            ..newsletter(zone, Time::midnight().wrapping_add(minute.minutes()))
        };
        let now: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        let now = now + SignedDuration::from_mins(at);
        let (date, due) = next_slot(&newsletter, now);
        prop_assert!(due > now && due == due_at(&newsletter, date) && newsletter.days.contains(date));
        let today = date_at(&newsletter, now);
        prop_assert!(date <= today.checked_add(8.days()).unwrap());
        let between = days_from(today.checked_sub(2.days()).unwrap(), date.yesterday().unwrap());
        for earlier in between.filter(|date| newsletter.days.contains(*date)) {
            prop_assert!(due_at(&newsletter, earlier) <= now, "{} comes first", earlier);
        }
    }
}
