//! Which dates have an issue, and the moments at which its readers are due.

use crate::domain::newsletter::{Newsletter, WhoseClock, parse_send_time, parse_time_zone};
use jiff::{SignedDuration, Span, Timestamp, civil::Date, tz};

/// Why a planned issue is skipped whose newsletter was given other days. Given its day back, it is planned again.
pub const NOT_ITS_DAY: &str = "the newsletter has no issues on this day of the week any more";

/// How far back the schedule looks for slots nobody filled, in days. Older ones are not even recorded.
const LOOK_BACK_DAYS: i32 = 7;
/// How far ahead it looks, in days: the date may be two days ahead elsewhere, and an issue is planned up to a day before.
const LOOK_AHEAD_DAYS: i32 = 3;
/// A newsletter's next issue is at most so many days ahead: that of the same day a week later, and one for dates that a zone skips.
const NEXT_SLOT_DAYS: i32 = 8;
/// Of all zones the first to begin a date, in hours east of UTC (Pacific/Kiritimati).
const EASTERNMOST: i8 = 14;
/// Of all zones the last to end a date, in hours east of UTC (Etc/GMT+12).
const WESTERNMOST: i8 = -12;

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

/// The moment the readers of a clock (as `subscriptions.clock` has it) are due: on their own clock where the newsletter goes by its
/// readers' clocks, else on the newsletter's.
pub fn due_for(newsletter: &Newsletter, clock: &str, date: Date) -> Timestamp {
    match newsletter.clock {
        WhoseClock::Newsletter => due_at(newsletter, date),
        WhoseClock::Reader => due_on(newsletter, clock, date),
    }
}

/// The first and the last moment at which readers of an issue are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The first: that of the issue itself.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

impl Due {
    /// One moment for all.
    pub const fn at(moment: Timestamp) -> Self {
        Self { first: moment, last: moment }
    }

    /// The last moment, where it is not the first one, too: as `issues.last_due_at` has it.
    pub fn last_of_many(self) -> Option<Timestamp> {
        (self.last > self.first).then_some(self.last)
    }

    /// The moments of two together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// When the issue of a date is due for readers with these clocks (the newsletter's own, without any), as far as that is from
/// `since` on: who was due before is no reason to begin an issue, but gets one that is begun. `None`: all were due before.
pub fn due_since(newsletter: &Newsletter, clocks: &[String], date: Date, since: Timestamp) -> Option<Due> {
    let at = |moment: Timestamp| (moment >= since).then_some(Due::at(moment));
    if newsletter.clock == WhoseClock::Newsletter || clocks.is_empty() {
        return at(due_at(newsletter, date));
    }
    clocks.iter().filter_map(|clock| at(due_on(newsletter, clock, date))).reduce(Due::and)
}

/// The date on the newsletter's clock.
pub fn date_at(newsletter: &Newsletter, now: Timestamp) -> Date {
    now.to_zoned(newsletter.time_zone.clone()).date()
}

/// The date of the issue that will be due next on the newsletter's own clock, and when.
pub fn next_slot(newsletter: &Newsletter, now: Timestamp) -> (Date, Timestamp) {
    let (date, due) = next_slot_for(newsletter, &[], now);
    (date, due.first)
}

/// The date of the next issue that is not due yet for any reader with these clocks (on the newsletter's own, without any), and
/// when it is.
pub fn next_slot_for(newsletter: &Newsletter, clocks: &[String], now: Timestamp) -> (Date, Due) {
    let today = date_at(newsletter, now);
    let due = |date| due_since(newsletter, clocks, date, Timestamp::MIN);
    let coming = |date| due(date).filter(|due| due.first > now).map(|due| (date, due));
    let mut dates = dates(newsletter, today, -LOOK_AHEAD_DAYS, NEXT_SLOT_DAYS);
    // The calendar's end is the one place without a next slot.
    dates.find_map(coming).unwrap_or((Date::MAX, Due::at(Timestamp::MAX)))
}

/// The newsletter's dates from so many days after `today` to so many, in order.
fn dates(newsletter: &Newsletter, today: Date, from: i32, to: i32) -> impl Iterator<Item = Date> {
    let days = newsletter.days;
    (from..=to)
        .filter_map(move |ahead| today.checked_add(Span::new().days(ahead)).ok())
        .filter(move |date| days.contain(*date))
}

/// The newsletter's first date after `date`.
pub fn next_date(newsletter: &Newsletter, date: Date) -> Date {
    dates(newsletter, date, 1, 7).next().unwrap_or(Date::MAX)
}

/// What the schedule does about a slot that has no issue yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotAction {
    /// Begin the issue: it will go out at its moment, or at once if that passed a short while ago.
    Plan,
    /// Too late: keep a record that it was missed.
    RecordMissed,
}

/// A date without an issue that needs something done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The date.
    pub date: Date,
    /// When its issue is due.
    pub due: Due,
    /// What to do.
    pub action: SlotAction,
}

/// How early an issue is planned and how late it may still go out.
#[derive(Debug, Clone, Copy)]
pub struct Margins {
    /// An issue is planned this long before it is due.
    pub plan_ahead: SignedDuration,
    /// An issue that nobody sent at its moment still goes out within this time.
    pub grace: SignedDuration,
}

/// The dates that may need something done now, whatever clocks readers have: a cheap question before [`open_slots`], which must
/// know the clocks. Dates that were due on the newsletter's own clock before `since`, when it or its present schedule began, are
/// nobody's. `taken` are the dates that have an issue.
pub fn near_dates(
    newsletter: &Newsletter,
    since: Timestamp,
    taken: &[Date],
    margins: Margins,
    now: Timestamp,
) -> Vec<Date> {
    let today = date_at(newsletter, now);
    let near = |date: &Date| {
        let own = due_at(newsletter, *date);
        let earliest = match newsletter.clock {
            WhoseClock::Newsletter => own,
            WhoseClock::Reader => own.min(anywhere(*date).0),
        };
        own >= since && earliest - margins.plan_ahead <= now
    };
    let dates = dates(newsletter, today, -LOOK_BACK_DAYS, LOOK_AHEAD_DAYS);
    dates.filter(|date| !taken.contains(date)).filter(near).collect()
}

/// From the beginning of a date in the zone that has it first to its end in the one that has it last.
fn anywhere(date: Date) -> (Timestamp, Timestamp) {
    let moment =
        |date: Date, hours| tz::offset(hours).to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    let end = date.tomorrow().unwrap_or(date);
    (moment(date, EASTERNMOST).unwrap_or(Timestamp::MIN), moment(end, WESTERNMOST).unwrap_or(Timestamp::MAX))
}

/// The slots that need something done now: of the newsletter's dates those that are not in `taken` and are due up to its next plan
/// for any reader with these clocks. Where the present schedule began (`since`) after a reader's moment, the issue is begun for the
/// next readers, or for the newsletter's own moment: a change sends nothing at once. An issue is missed when even its last readers
/// have waited for longer than the grace.
pub fn open_slots(
    newsletter: &Newsletter,
    since: Timestamp,
    taken: &[Date],
    clocks: &[String],
    margins: Margins,
    now: Timestamp,
) -> Vec<Slot> {
    let near = near_dates(newsletter, since, taken, margins, now).into_iter();
    near.filter_map(|date| {
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
