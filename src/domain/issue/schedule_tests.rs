use super::*;
use crate::domain::issue::days::Days;
use jiff::{civil::date, tz::TimeZone};

const MARGINS: Margins =
    Margins { plan_ahead: SignedDuration::from_hours(1), grace: SignedDuration::from_hours(6) };

fn newsletter(zone: &str, hour: i8, minute: i8) -> Newsletter {
    Newsletter {
        time_zone: TimeZone::get(zone).unwrap(),
        send_time: jiff::civil::time(hour, minute, 0, 0),
        ..Newsletter::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_skipped_time_moves_forward_and_of_a_repeated_time_the_first_counts() {
    let berlin = newsletter("Europe/Berlin", 2, 30);
    assert_eq!(due_at(&berlin, date(2026, 3, 29)), at("2026-03-29T01:30:00Z"));
    assert_eq!(due_at(&berlin, date(2026, 10, 25)), at("2026-10-25T00:30:00Z"));
}

#[test]
fn the_next_slot_is_today_until_it_is_due_and_tomorrow_after_that() {
    let utc = newsletter("UTC", 7, 0);
    assert_eq!(next_slot(&utc, at("2026-05-01T06:59:59Z")).0, date(2026, 5, 1));
    assert_eq!(next_slot(&utc, at("2026-05-01T07:00:00Z")).0, date(2026, 5, 2));
}

#[test]
fn a_late_start_sends_once_within_the_grace_and_records_a_miss_after_it() {
    let (utc, created) = (newsletter("UTC", 7, 0), at("2026-04-30T12:00:00Z"));
    let slots = |now: &str, taken: &[Date]| open_slots(&utc, created, taken, &[], MARGINS, at(now));
    assert_eq!(slots("2026-05-01T05:59:00Z", &[]), []);
    let today = date(2026, 5, 1);
    let slot = |action| Slot { date: today, due: Due::at(at("2026-05-01T07:00:00Z")), action };
    assert_eq!(slots("2026-05-01T06:00:00Z", &[]), [slot(SlotAction::Plan)]);
    assert_eq!(slots("2026-05-01T12:59:00Z", &[]), [slot(SlotAction::Plan)]);
    assert_eq!(slots("2026-05-01T13:01:00Z", &[]), [slot(SlotAction::RecordMissed)]);
    assert_eq!(slots("2026-05-01T13:01:00Z", &[today]), []);
}

#[test]
fn an_issue_due_just_after_midnight_is_planned_the_evening_before() {
    let utc = newsletter("UTC", 0, 15);
    let slots = open_slots(&utc, at("2026-04-30T12:00:00Z"), &[], &[], MARGINS, at("2026-04-30T23:20:00Z"));
    let due = Due::at(at("2026-05-01T00:15:00Z"));
    assert_eq!(slots, [Slot { date: date(2026, 5, 1), due, action: SlotAction::Plan }]);
}

#[test]
fn a_newsletter_has_issues_on_its_days_only() {
    let weekly = Newsletter { days: Days::parse("sat").unwrap(), ..newsletter("UTC", 7, 0) };
    let (friday, saturday) = (date(2026, 5, 1), date(2026, 5, 2));
    let slots = |now: &str| open_slots(&weekly, at("2026-04-30T12:00:00Z"), &[], &[], MARGINS, at(now));
    assert_eq!(slots("2026-05-01T07:00:00Z"), []);
    assert_eq!(slots("2026-05-02T07:00:00Z").iter().map(|it| it.date).collect::<Vec<_>>(), [saturday]);
    assert_eq!(slots("2026-05-08T07:00:00Z")[0].action, SlotAction::RecordMissed, "still found a week later");
    assert_eq!(next_slot(&weekly, at("2026-05-01T07:00:00Z")).0, saturday);
    assert_eq!(next_slot(&weekly, at("2026-05-02T07:00:00Z")).0, date(2026, 5, 9));
    assert_eq!(next_date(&weekly, friday), saturday);
    assert_eq!(next_date(&weekly, saturday), date(2026, 5, 9));
}

/// Readers in Auckland, Berlin and Los Angeles: due at 19:00, 05:00 and 14:00 UTC.
fn around_the_world() -> (Newsletter, Vec<String>) {
    let newsletter = Newsletter { clock: SendClock::Reader, ..newsletter("Europe/Berlin", 7, 0) };
    (newsletter, ["America/Los_Angeles|", "Pacific/Auckland|", "|"].map(str::to_owned).into())
}

#[test]
fn on_readers_clocks_an_issue_is_due_from_the_first_to_the_last_of_them() {
    let (newsletter, clocks) = around_the_world();
    let saturday = date(2026, 5, 2);
    let due = Due { first: at("2026-05-01T19:00:00Z"), last: at("2026-05-02T14:00:00Z") };
    let slots =
        |now: &str| open_slots(&newsletter, at("2026-05-01T12:00:00Z"), &[], &clocks, MARGINS, at(now));
    assert_eq!(
        slots("2026-05-01T17:59:59Z"),
        [],
        "the 1st started before `since`, although Los Angeles was not due yet"
    );
    let of_saturday = |now: &str| slots(now).into_iter().find(|it| it.date == saturday).unwrap();
    assert_eq!(of_saturday("2026-05-01T18:00:00Z"), Slot { date: saturday, due, action: SlotAction::Plan });
    assert_eq!(
        of_saturday("2026-05-02T20:00:00Z").action,
        SlotAction::Plan,
        "within the grace period of the last readers"
    );
    assert_eq!(of_saturday("2026-05-02T20:00:01Z").action, SlotAction::RecordMissed);
    assert_eq!(next_slot_for(&newsletter, &clocks, at("2026-05-01T18:00:00Z")), (saturday, due));
    assert_eq!(next_slot_for(&newsletter, &clocks, at("2026-05-01T19:00:00Z")).0, date(2026, 5, 3));
}

#[test]
fn readers_due_before_the_schedule_began_do_not_start_an_issue() {
    let (newsletter, clocks) = around_the_world();
    // Auckland was due before; the issue starts with Berlin.
    let since = at("2026-05-01T20:00:00Z");
    let slots = open_slots(&newsletter, since, &[], &clocks, MARGINS, at("2026-05-02T04:00:00Z"));
    let due = Due { first: at("2026-05-02T05:00:00Z"), last: at("2026-05-02T14:00:00Z") };
    assert_eq!(slots, [Slot { date: date(2026, 5, 2), due, action: SlotAction::Plan }]);
    let auckland = &clocks[1..2];
    let slots = open_slots(&newsletter, since, &[], auckland, MARGINS, at("2026-05-02T04:00:00Z"));
    assert_eq!(slots[0].due, Due::at(at("2026-05-02T05:00:00Z")), "falls back to the newsletter's own time");
}

#[test]
fn clocks_are_needed_only_near_a_date_without_an_issue() {
    let (newsletter, _) = around_the_world();
    let near = |taken: &[Date], now: &str| {
        near_dates(&newsletter, at("2026-05-02T13:00:00Z"), taken, MARGINS, at(now))
    };
    let sunday = date(2026, 5, 3);
    assert_eq!(near(&[date(2026, 5, 2)], "2026-05-02T13:00:00Z"), [sunday]);
    assert_eq!(near(&[date(2026, 5, 2), sunday], "2026-05-03T08:59:59Z"), []);
    assert_eq!(near(&[date(2026, 5, 2), sunday], "2026-05-03T09:00:00Z"), [date(2026, 5, 4)]);
}
