//! The schedule and the sweep: every second, whatever is due is woken. Any number of processes may do this at once.

use super::{Context, wake_reading};
use crate::{
    db::{DbError, Tx, issues, mails, newsletters},
    domain::{
        issue::IssueStatus,
        schedule::{self, SlotAction},
    },
    queue::Job,
};
use jiff::{SignedDuration, Timestamp};

/// What was woken and is still due after this time is woken again: its job was lost.
const WAKE_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Most mails woken in one turn.
const AT_ONCE: i64 = 200;

/// Looks once for everything that is due. Returns when the next issue is, so that the next look can come at its very moment.
pub async fn tick(context: &Context) -> Result<Option<Timestamp>, DbError> {
    let now = context.clock.now();
    // Apart, so that a newsletter whose row can't be read does not keep mails and feeds waiting.
    let filled = async {
        let mut tx = context.db.begin().await?;
        fill_slots(context, &mut tx, now).await?;
        tx.commit().await
    };
    let filled = filled.await;
    let mut tx = context.db.begin().await?;
    wake(context, &mut tx, now).await?;
    let next = issues::next_planned_due(&mut tx, now).await?;
    tx.commit().await?;
    filled.map(|()| next)
}

/// Begins the issues whose time has come near, and records those that were missed.
async fn fill_slots(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    for record in newsletters::list(tx).await? {
        let newsletter = &record.newsletter;
        let from = schedule::date_at(newsletter, now).saturating_sub(jiff::Span::new().days(10));
        let taken = issues::dates_from(tx, record.id, from).await?;
        let open =
            schedule::open_slots(newsletter, record.scheduled_since, &taken, context.rules.schedule, now);
        for (date, due_at, action) in open {
            let (status, reason) = match action {
                SlotAction::Plan => (IssueStatus::Planned, None),
                SlotAction::RecordMissed => (
                    IssueStatus::Skipped,
                    Some("missed: no scheduler was running at its time, nor within the grace after it"),
                ),
            };
            let inserted = issues::insert(tx, record.id, date, due_at, status, reason, now).await?;
            if inserted.is_some() {
                tracing::info!(newsletter = newsletter.slug, %date, %status, "issue begun by the schedule");
            }
        }
    }
    Ok(())
}

async fn wake(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let woken_before = now - WAKE_AGAIN_AFTER;
    for (issue, status, due_at) in issues::wake_due(tx, now, woken_before).await? {
        if status == IssueStatus::Planned && now > due_at + context.rules.schedule.grace {
            let reason = Some("missed: it could not go out at its time, nor within the grace after it");
            issues::advance(tx, issue, IssueStatus::Planned, IssueStatus::Skipped, reason, now).await?;
            tracing::warn!(%issue, %due_at, "issue skipped: it was missed");
            continue;
        }
        let job = match status {
            IssueStatus::Planned if due_at > now => Job::PlanIssue { issue },
            IssueStatus::Planned => Job::FreezeIssue { issue },
            _ => Job::Deliver { issue },
        };
        context.queue.enqueue(tx, &job).await?;
    }
    for mail in mails::wake_due(tx, now, woken_before, AT_ONCE).await? {
        context.queue.enqueue(tx, &Job::SendMail { mail }).await?;
    }
    wake_reading::wake(context, tx, now).await
}
