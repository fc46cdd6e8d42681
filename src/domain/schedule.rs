//! Which dates have an issue, and the moment each is due.

use super::newsletter::{Newsletter, parse_send_time, parse_time_zone};
use jiff::{SignedDuration, Timestamp, civil::Date};

/// How far back the schedule looks for slots nobody filled, in days. Older ones are not even recorded.
const LOOK_BACK_DAYS: i32 = 7;

/// The moment the issue of `date` is due: the newsletter's send time on its own clock.
///
/// On a day when the clock skips that time the issue is due as much later as the clock was put forward; on a day that has
/// it twice, the first one counts (RFC 5545's reading, jiff's "compatible").
pub fn due_at(newsletter: &Newsletter, date: Date) -> Timestamp {
    let zoned = newsletter.time_zone.to_ambiguous_zoned(date.to_datetime(newsletter.send_time));
    // Only dates at the ends of the calendar (years -9999 and 9999) are out of range.
    zoned.compatible().map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The moment the issue of `date` is due on a reader's clock, written `ZONE|HH:MM` as `subscriptions.clock` has it; either part may
/// be missing, and then the newsletter's holds. A clock that can't be read is the newsletter's.
pub fn due_on(newsletter: &Newsletter, clock: &str, date: Date) -> Timestamp {
    let (zone, time) = clock.split_once('|').unwrap_or_default();
    let zone = Some(zone).filter(|zone| !zone.is_empty()).and_then(|zone| parse_time_zone(zone).ok());
    let zone = zone.unwrap_or_else(|| newsletter.time_zone.clone());
    let time = parse_send_time(time).unwrap_or(newsletter.send_time);
    let zoned = zone.to_ambiguous_zoned(date.to_datetime(time));
    zoned.compatible().map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The date on the newsletter's clock.
pub fn date_at(newsletter: &Newsletter, now: Timestamp) -> Date {
    now.to_zoned(newsletter.time_zone.clone()).date()
}

/// The date of the issue that will be due next, and when.
pub fn next_slot(newsletter: &Newsletter, now: Timestamp) -> (Date, Timestamp) {
    let today = date_at(newsletter, now);
    let mut dates = [today, today.saturating_add(jiff::Span::new().days(1))].into_iter();
    dates
        .find_map(|date| Some((date, due_at(newsletter, date))).filter(|(_, due)| *due > now))
        .unwrap_or_else(|| {
            let later = today.saturating_add(jiff::Span::new().days(2));
            (later, due_at(newsletter, later))
        })
}

/// What the schedule does about a slot that has no issue yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotAction {
    /// Begin the issue: it will go out at its moment, or at once if that passed a short while ago.
    Plan,
    /// Too late: keep a record that it was missed.
    RecordMissed,
}

/// How early an issue is planned and how late it may still go out.
#[derive(Debug, Clone, Copy)]
pub struct Margins {
    /// An issue is planned this long before it is due.
    pub plan_ahead: SignedDuration,
    /// An issue that nobody sent at its moment still goes out within this time.
    pub grace: SignedDuration,
    /// Operators are reminded of what waits for them this long before it is due.
    pub remind: SignedDuration,
    /// Looking once more at the pages of an issue's stories may take this long; zero: it is not done.
    pub recheck: std::time::Duration,
}

/// The slots that need something done now: those due from `since` on up to the newsletter's next plan that are not in
/// `taken` (the dates that have an issue). Slots that were due before `since`, when the newsletter or its present schedule began, are nobody's.
pub fn open_slots(
    newsletter: &Newsletter,
    since: Timestamp,
    taken: &[Date],
    margins: Margins,
    now: Timestamp,
) -> Vec<(Date, Timestamp, SlotAction)> {
    let today = date_at(newsletter, now);
    (-LOOK_BACK_DAYS..=1)
        .map(|days| today.saturating_add(jiff::Span::new().days(days)))
        .filter(|date| !taken.contains(date))
        .map(|date| (date, due_at(newsletter, date)))
        .filter(|(_, due)| *due >= since && *due - margins.plan_ahead <= now)
        .map(|(date, due)| {
            let action = if now <= due + margins.grace { SlotAction::Plan } else { SlotAction::RecordMissed };
            (date, due, action)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{civil::date, tz::TimeZone};
    use proptest::prelude::*;

    const MARGINS: Margins = Margins {
        plan_ahead: SignedDuration::from_hours(1),
        grace: SignedDuration::from_hours(6),
        remind: SignedDuration::ZERO,
        recheck: std::time::Duration::ZERO,
    };

    fn newsletter(zone: &str, hour: i8, minute: i8) -> Newsletter {
        Newsletter {
            time_zone: TimeZone::get(zone).unwrap(),
            send_time: jiff::civil::time(hour, minute, 0, 0),
            ..Newsletter::out_of_the_box()
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_the_clock_skips_moves_forward_and_one_it_repeats_comes_first() {
        let berlin = newsletter("Europe/Berlin", 2, 30);
        assert_eq!(due_at(&berlin, date(2026, 3, 29)), at("2026-03-29T01:30:00Z"));
        assert_eq!(due_at(&berlin, date(2026, 10, 25)), at("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn the_next_slot_is_today_until_its_minute_and_tomorrow_after_it() {
        let utc = newsletter("UTC", 7, 0);
        assert_eq!(next_slot(&utc, at("2026-05-01T06:59:59Z")).0, date(2026, 5, 1));
        assert_eq!(next_slot(&utc, at("2026-05-01T07:00:00Z")).0, date(2026, 5, 2));
    }

    #[test]
    fn a_late_start_sends_once_within_the_grace_and_records_a_miss_after_it() {
        let (utc, created) = (newsletter("UTC", 7, 0), at("2026-04-30T12:00:00Z"));
        let slots = |now: &str, taken: &[Date]| open_slots(&utc, created, taken, MARGINS, at(now));
        assert_eq!(slots("2026-05-01T05:59:00Z", &[]), []);
        let today = date(2026, 5, 1);
        let due = at("2026-05-01T07:00:00Z");
        assert_eq!(slots("2026-05-01T06:00:00Z", &[]), [(today, due, SlotAction::Plan)]);
        assert_eq!(slots("2026-05-01T12:59:00Z", &[]), [(today, due, SlotAction::Plan)]);
        assert_eq!(slots("2026-05-01T13:01:00Z", &[]), [(today, due, SlotAction::RecordMissed)]);
        assert_eq!(slots("2026-05-01T13:01:00Z", &[today]), []);
    }

    #[test]
    fn an_issue_due_just_after_midnight_is_planned_the_evening_before() {
        let utc = newsletter("UTC", 0, 15);
        let slots = open_slots(&utc, at("2026-04-30T12:00:00Z"), &[], MARGINS, at("2026-04-30T23:20:00Z"));
        assert_eq!(slots, [(date(2026, 5, 1), at("2026-05-01T00:15:00Z"), SlotAction::Plan)]);
    }

    proptest! {
        #[test]
        fn every_date_has_one_due_moment_and_they_follow_each_other(
            days in 0_i32..3650, hour in 0_i8..24, minute in 0_i8..60,
            zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                "Asia/Kolkata", "America/Sao_Paulo", "Africa/Casablanca"]),
        ) {
            let newsletter = newsletter(zone, hour, minute);
            let day = date(2020, 1, 1).saturating_add(jiff::Span::new().days(days));
            let (due, next) = (due_at(&newsletter, day), due_at(&newsletter, day.tomorrow().unwrap()));
            prop_assert!(due < next);
            prop_assert_eq!(next_slot(&newsletter, due).1, next);
        }
    }
}
