//! Planned issues follow the clocks of readers who come in.

use crate::{
    db::{
        DbError, Tx,
        issues::{dates_from, insert, planned, stretch_due},
        newsletters::NewsletterRecord,
        subscribers,
    },
    domain::{
        issue::{
            schedule::{self, Due, due_on},
            status::IssueStatus,
        },
        newsletter::SendClock,
    },
};
use jiff::Timestamp;

/// Lets the issues that are planned begin early enough for a reader's clock, and last long enough. A moment that is past moves none:
/// nothing goes out at once on account of one reader.
pub async fn follow_clock(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    clock: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    if newsletter.newsletter.clock == SendClock::Newsletter {
        return Ok(());
    }
    for issue in planned(tx, newsletter.id).await? {
        let moment = due_on(&newsletter.newsletter, clock, issue.date());
        if moment > now && issue.due().union(Due::at(moment)) != issue.due() {
            stretch_due(tx, issue.id, moment, now).await?;
        }
    }
    begin_without(tx, newsletter, clock, now).await
}

/// Where a coming date is over on this clock already, its issue is begun here, for the moments that are still to come: the schedule
/// would take it for late, and freeze it at once.
async fn begin_without(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    clock: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let it = &newsletter.newsletter;
    let today = schedule::date_at(it, now);
    let taken = dates_from(tx, newsletter.id, today).await?;
    let ahead = (0..=2).filter_map(|days| today.checked_add(jiff::Span::new().days(days)).ok());
    for date in ahead.filter(|date| it.days.contains(*date) && !taken.contains(date)) {
        if schedule::due_at(it, date) <= now || due_on(it, clock, date) > now {
            continue;
        }
        let clocks = subscribers::clocks_for(tx, newsletter).await?;
        let moments = clocks.iter().map(|clock| due_on(it, clock, date)).filter(|moment| *moment > now);
        let due = moments.map(Due::at).reduce(Due::union).unwrap_or(Due::at(schedule::due_at(it, date)));
        insert(tx, newsletter.id, date, due, IssueStatus::Planned, None, now).await?;
    }
    Ok(())
}
