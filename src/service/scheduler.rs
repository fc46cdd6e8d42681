//! The schedule and the sweep: every second, whatever is due is woken. Any number of processes may do this at once.

use crate::{
    db::{
        DbError, Tx,
        content::feeds,
        deliveries::emails,
        issues::{self, PlanAgain},
        newsletters, rate_limits,
        signups::intake,
        subscribers::{self, requests},
    },
    delivery::notify_operators::issue_stopped,
    domain::{
        issue::{
            schedule::{self, Slot, SlotAction},
            status::IssueStatus,
        },
        subscriber::request,
    },
    issues::plan,
    jobs::{
        context::{Contexts, IssueContext},
        periodic::{end_pauses, remind_operators::ask_operators, tend_pending, wake_reading, watch_signups},
    },
    queue::Job,
};
use jiff::{SignedDuration, Timestamp};

/// What was woken and is still due after this time is woken again: its job was lost.
const WAKE_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Signups that nobody has taken for so long are taken now: their job was lost.
const TAKE_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// Feeds that would be read later are read this long before an issue is due, and when it is begun.
const READ_FEEDS_BEFORE: SignedDuration = SignedDuration::from_mins(10);
/// An issue's plan is made anew for articles that came since, but not more often than this.
const PLAN_AGAIN: PlanAgain = PlanAgain {
    near: SignedDuration::from_mins(1),
    far: (SignedDuration::from_mins(10), SignedDuration::from_hours(2)),
};
/// Most mails woken in one turn.
const AT_ONCE: i64 = 200;

/// Looks once for everything that is due. Returns when the next issue is, so that the next look can come at its very moment.
pub async fn tick(contexts: &Contexts) -> Result<Option<Timestamp>, DbError> {
    let context = &contexts.issues;
    let now = context.clock.now();
    // Apart, so that a newsletter whose row can't be read does not keep mails and feeds waiting.
    let filled = async {
        let mut tx = context.db.begin().await?;
        fill_slots(context, &mut tx, now).await?;
        tx.commit().await
    };
    let filled = filled.await;
    let mut tx = context.db.begin().await?;
    wake(contexts, &mut tx, now).await?;
    let next = issues::next_planned_due(&mut tx, now).await?;
    // What was published in the last hour shall not have to wait for tomorrow because its feed is read seldom.
    if next.is_some_and(|due| due <= now + READ_FEEDS_BEFORE) {
        feeds::poll_soon(&mut tx, now).await?;
    }
    tx.commit().await?;
    // Apart, so that what keeps it from being done does not keep issues waiting.
    if let Err(error) = tend_pending::tend(&contexts.readers, now).await {
        tracing::error!(%error, "signups that nobody confirmed could not be looked after; they will be");
    }
    filled.map(|()| next)
}

/// Begins the issues whose time has come near, and records those that were missed. Readers' clocks are looked up only where a
/// date may be near, and only each clock, not each reader.
async fn fill_slots(context: &IssueContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let margins = context.settings.schedule.margins();
    for record in newsletters::list(tx).await? {
        let (newsletter, since) = (&record.newsletter, record.scheduled_since);
        let from = schedule::date_at(newsletter, now).saturating_sub(jiff::Span::new().days(10));
        let taken = issues::dates_from(tx, record.id, from).await?;
        if schedule::near_dates(newsletter, since, &taken, margins, now).is_empty() {
            continue;
        }
        let clocks = subscribers::clocks_for(tx, &record).await?;
        let mut missed = None;
        for slot in schedule::open_slots(newsletter, since, &taken, &clocks, margins, now) {
            let Slot { date, due, action } = slot;
            let (status, reason) = match action {
                SlotAction::Plan => (IssueStatus::Planned, None),
                SlotAction::RecordMissed => (
                    IssueStatus::Skipped,
                    Some("missed: no scheduler was running at its time, nor within the grace after it"),
                ),
            };
            let inserted = issues::insert(tx, record.id, date, due, status, reason, now).await?;
            if inserted.is_some() {
                feeds::poll_soon(tx, now).await?;
                missed = inserted.filter(|_| action == SlotAction::RecordMissed).or(missed);
                tracing::info!(newsletter = newsletter.slug, %date, %status, "issue begun by the schedule");
            }
        }
        // After a week away operators get one letter, not seven: the latest one's speaks of those before it.
        if let Some(issue) = missed {
            issue_stopped(&context.queue, tx, issue, now).await?;
        }
    }
    Ok(())
}

async fn wake(contexts: &Contexts, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let context = &contexts.issues;
    let woken_before = now - WAKE_AGAIN_AFTER;
    for (issue, status, due) in issues::wake_due(tx, now, woken_before).await? {
        if status == IssueStatus::Planned && now > due.last + context.settings.schedule.margins().grace {
            let record = issues::get(tx, issue).await?;
            let reason = Some(match record.as_ref().and_then(|it| it.waits_for.as_deref()) {
                Some(plan::APPROVAL) => "no operator approved it in time",
                Some(_) => "it had too few stories, and no operator let it go out in time",
                None => "missed: it could not go out at its time, nor within the grace after it",
            });
            if issues::advance(tx, issue, IssueStatus::Planned, IssueStatus::Skipped, reason, now).await? {
                issue_stopped(&context.queue, tx, issue, now).await?;
            }
            tracing::warn!(%issue, due_at = %due.first, "issue skipped: it was missed");
            continue;
        }
        let job = match status {
            IssueStatus::Planned if due.first > now => Job::PlanIssue { issue },
            IssueStatus::Planned | IssueStatus::Frozen => Job::FreezeIssue { issue },
            _ => Job::Deliver { issue },
        };
        context.queue.enqueue(tx, &job).await?;
    }
    for issue in issues::outdated(tx, PLAN_AGAIN, now).await? {
        context.queue.enqueue(tx, &Job::PlanIssue { issue }).await?;
    }
    ask_operators(context, tx, now).await?;
    let mails = emails::wake_due(tx, now, woken_before, AT_ONCE).await?;
    context.queue.enqueue_all(tx, &Job::send_all(&mails)).await?;
    if intake::any_before(tx, now - TAKE_AGAIN_AFTER, now).await? {
        context.queue.enqueue(tx, &Job::TakeSignups).await?;
    }
    rate_limits::tidy(tx, now).await?;
    watch_signups::watch(&contexts.readers, tx, now).await?;
    tend_pending::erase_lost(&contexts.readers, tx, now).await?;
    end_pauses::end(tx, now).await?;
    requests::tidy(tx, now - request::RETENTION, AT_ONCE).await?;
    wake_reading::wake(&contexts.feeds, tx, now).await
}
