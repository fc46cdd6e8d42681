//! The schedule: which dates have an issue, and when readers are due.

use crate::domain::{
    newsletter::{Newsletter, SendClock, parse_send_time, parse_time_zone},
    subscriber::cadence::Cadence,
};
use jiff::{SignedDuration, Span, Timestamp, civil::Date, tz};

/// The reason for skipping a planned issue after its weekday was removed from the newsletter. If the day is
/// added again, the issue is planned again.
pub const DAY_REMOVED: &str = "the newsletter has no issues on this day of the week any more";

/// How far back the schedule looks for missed slots, in days. Older ones are not recorded.
const LOOK_BACK_DAYS: i32 = 7;
/// How far ahead the schedule looks, in days: elsewhere the date may be two days ahead, and an issue is
/// planned up to a day before.
const LOOK_AHEAD_DAYS: i32 = 3;
/// Maximum distance to the next issue, in days: a week, plus a date that the time zone may skip.
const NEXT_SLOT_DAYS: i32 = 8;
/// Hours east of UTC of the zone where a date begins first (Pacific/Kiritimati).
const EASTERNMOST: i8 = 14;
/// Hours east of UTC of the zone where a date ends last (Etc/GMT+12).
const WESTERNMOST: i8 = -12;

/// Returns when the issue of `date` is due: at the send time on the newsletter's clock.
///
/// If the clock skips that time, the issue is late by the skipped interval. If the time occurs twice, the
/// first one counts (RFC 5545, jiff's "compatible").
pub fn due_at(newsletter: &Newsletter, date: Date) -> Timestamp {
    let zoned = newsletter.time_zone.to_ambiguous_zoned(date.to_datetime(newsletter.send_time));
    // Out of range only at the ends of the calendar (years -9999 and 9999).
    zoned.compatible().map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// Returns when the issue of `date` is due on a reader's clock, given as `ZONE|HH:MM`
/// (`subscriptions.clock`). Parts that are missing or invalid default to the newsletter's.
pub fn due_on(newsletter: &Newsletter, clock: &str, date: Date) -> Timestamp {
    let (zone, time) = clock.split_once('|').unwrap_or_default();
    let zone = Some(zone).filter(|zone| !zone.is_empty()).and_then(|zone| parse_time_zone(zone).ok());
    let zone = zone.unwrap_or_else(|| newsletter.time_zone.clone());
    let time = parse_send_time(time).unwrap_or(newsletter.send_time);
    let zoned = zone.to_ambiguous_zoned(date.to_datetime(time));
    zoned.compatible().map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// Returns when readers with a clock (`subscriptions.clock`) are due: on their own clock if the newsletter
/// follows readers' clocks, else on the newsletter's.
pub fn due_for(newsletter: &Newsletter, clock: &str, date: Date) -> Timestamp {
    match newsletter.clock {
        SendClock::Newsletter => due_at(newsletter, date),
        SendClock::Reader => due_on(newsletter, clock, date),
    }
}

/// The first and last time at which readers of an issue are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The first time, which is also the issue's.
    pub first: Timestamp,
    pub last: Timestamp,
}

impl Due {
    /// All readers are due at the same time.
    pub const fn at(time: Timestamp) -> Self {
        Self { first: time, last: time }
    }

    /// Returns the last time if it differs from the first, as stored in `issues.last_due_at`.
    pub fn last_of_many(self) -> Option<Timestamp> {
        (self.last > self.first).then_some(self.last)
    }

    /// Returns the span of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// Returns when the issue of a date is due for readers with these clocks (without any, on the newsletter's
/// own), counting only times from `since` on. Readers who were due earlier don't start an issue, but get one
/// that is sent. `None`: all were due earlier.
pub fn due_since(newsletter: &Newsletter, clocks: &[String], date: Date, since: Timestamp) -> Option<Due> {
    let not_before = |time: Timestamp| (time >= since).then_some(Due::at(time));
    if newsletter.clock == SendClock::Newsletter || clocks.is_empty() {
        return not_before(due_at(newsletter, date));
    }
    clocks.iter().filter_map(|clock| not_before(due_on(newsletter, clock, date))).reduce(Due::union)
}

/// Returns the date on the newsletter's clock.
pub fn date_at(newsletter: &Newsletter, now: Timestamp) -> Date {
    now.to_zoned(newsletter.time_zone.clone()).date()
}

/// Returns the date and time of the next issue on the newsletter's own clock.
pub fn next_slot(newsletter: &Newsletter, now: Timestamp) -> (Date, Timestamp) {
    let (date, due) = next_slot_for(newsletter, &[], now);
    (date, due.first)
}

/// Returns the date of the next issue that is not due yet for any reader with these clocks (without any, on
/// the newsletter's own), and when it is due.
pub fn next_slot_for(newsletter: &Newsletter, clocks: &[String], now: Timestamp) -> (Date, Due) {
    let today = date_at(newsletter, now);
    let due = |date| due_since(newsletter, clocks, date, Timestamp::MIN);
    let coming = |date| due(date).filter(|due| due.first > now).map(|due| (date, due));
    let mut dates = dates(newsletter, today, -LOOK_AHEAD_DAYS, NEXT_SLOT_DAYS);
    // There is no next slot only at the end of the calendar.
    dates.find_map(coming).unwrap_or((Date::MAX, Due::at(Timestamp::MAX)))
}

/// Returns the newsletter's dates between two distances from `today`, in order.
fn dates(newsletter: &Newsletter, today: Date, from: i32, to: i32) -> impl Iterator<Item = Date> {
    let days = newsletter.days;
    (from..=to)
        .filter_map(move |ahead| today.checked_add(Span::new().days(ahead)).ok())
        .filter(move |date| days.contains(*date))
}

/// Returns the newsletter's first date after `date`.
pub fn next_date(newsletter: &Newsletter, date: Date) -> Date {
    dates(newsletter, date, 1, 7).next().unwrap_or(Date::MAX)
}

/// Returns the first date after `date` whose issue readers with this cadence get.
pub fn next_date_for(newsletter: &Newsletter, cadence: Cadence, date: Date) -> Date {
    dates(newsletter, date, 1, 7)
        .find(|it| cadence.is_served(newsletter.days, *it))
        .unwrap_or_else(|| next_date(newsletter, date))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotAction {
    /// Plan the issue. It goes out when it is due, or at once within the grace period.
    Plan,
    /// Record that the issue was missed.
    RecordMissed,
}

/// A date without an issue that needs an action now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub date: Date,
    /// When the issue is due.
    pub due: Due,
    pub action: SlotAction,
}

/// How early an issue is planned, and how late it may go out.
#[derive(Debug, Clone, Copy)]
pub struct Margins {
    /// Time between planning and the due time.
    pub plan_ahead: SignedDuration,
    /// Maximum delay of an issue that wasn't sent in time.
    pub grace: SignedDuration,
}

/// Returns the dates that may need an action now, whatever clocks readers have. It is a cheap filter before
/// [`open_slots`], which needs the clocks. Dates that were due on the newsletter's clock before `since`, the
/// start of its present schedule, are excluded. `taken` are the dates that have an issue.
pub fn near_dates(
    newsletter: &Newsletter,
    since: Timestamp,
    taken: &[Date],
    margins: Margins,
    now: Timestamp,
) -> Vec<Date> {
    let today = date_at(newsletter, now);
    let is_near = |date: &Date| {
        let own = due_at(newsletter, *date);
        let earliest = match newsletter.clock {
            SendClock::Newsletter => own,
            SendClock::Reader => own.min(span_in_all_zones(*date).0),
        };
        own >= since && earliest - margins.plan_ahead <= now
    };
    let dates = dates(newsletter, today, -LOOK_BACK_DAYS, LOOK_AHEAD_DAYS);
    dates.filter(|date| !taken.contains(date)).filter(is_near).collect()
}

/// Returns the time from the start of a date in the first zone to its end in the last zone.
fn span_in_all_zones(date: Date) -> (Timestamp, Timestamp) {
    let midnight =
        |date: Date, hours| tz::offset(hours).to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    let end = date.tomorrow().unwrap_or(date);
    (
        midnight(date, EASTERNMOST).unwrap_or(Timestamp::MIN),
        midnight(end, WESTERNMOST).unwrap_or(Timestamp::MAX),
    )
}

/// Returns the slots that need an action now: dates not in `taken` that are due, for any reader with these
/// clocks, within the planning margin. Readers who were due before `since`, the start of the present
/// schedule, don't start an issue, so a change of schedule sends nothing at once. An issue is missed when the
/// grace period has passed even for the last readers.
pub fn open_slots(
    newsletter: &Newsletter,
    since: Timestamp,
    taken: &[Date],
    clocks: &[String],
    margins: Margins,
    now: Timestamp,
) -> Vec<Slot> {
    let dates = near_dates(newsletter, since, taken, margins, now).into_iter();
    dates
        .filter_map(|date| {
            let own = due_at(newsletter, date);
            let due = due_since(newsletter, clocks, date, since).unwrap_or(Due::at(own));
            let late = now > due.last + margins.grace;
            let action = if late { SlotAction::RecordMissed } else { SlotAction::Plan };
            (due.first - margins.plan_ahead <= now).then_some(Slot { date, due, action })
        })
        .collect()
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "schedule_zone_tests.rs"]
mod zone_tests;
