//! Planned issues follow the clocks of new readers.

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

/// Extends the planned issues' due times to a reader's clock. A time in the past changes nothing, so that one
/// reader can't make an issue due at once.
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

/// Begins issues whose regular time is over, but not on this reader's clock. The scheduler would treat them
/// as late and freeze them at once.
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
