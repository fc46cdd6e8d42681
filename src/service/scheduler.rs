//! The scheduler: wakes all work that is due. Any number of processes may run it at the same time.

use crate::{
    db::{
        DbError, Tx,
        content::feeds,
        deliveries::emails,
        issues::{self, PlanAgain, heartbeats},
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
        periodic::{
            end_pauses, remind_operators::remind_operators, report_destinations::report_destinations,
            unconfirmed_signups, wake_content, watch_signups,
        },
    },
    queue::Job,
    service::wrong_clock,
};
use jiff::{SignedDuration, Timestamp};

/// Work that is still due this long after it was woken is woken again, because its job was lost.
const WAKE_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Signups that wait longer than this get a new job, because theirs was lost.
const PROCESS_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// How long before an issue is due all feeds are read once more. Feeds are also read when an issue is
/// created.
const READ_FEEDS_BEFORE: SignedDuration = SignedDuration::from_mins(10);
/// Shortest pause between two plans of an issue, if new articles arrived.
const PLAN_AGAIN: PlanAgain = PlanAgain {
    near: SignedDuration::from_mins(1),
    far: (SignedDuration::from_mins(10), SignedDuration::from_hours(2)),
};
/// Most emails woken by one run.
const AT_ONCE: i64 = 200;

/// Wakes everything that is due. Returns the time at which the next issue is due, so that the next run can
/// come exactly then.
pub async fn run_due(contexts: &Contexts) -> Result<Option<Timestamp>, DbError> {
    let context = &contexts.issues;
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    wrong_clock::run(context, &mut tx, now).await?;
    tx.commit().await?;
    if !contexts.delivery.armed.get() {
        // Feeds and signups go on, but no issue begins.
        let mut tx = context.db.begin().await?;
        wake_intake(contexts, &mut tx, now).await?;
        tx.commit().await?;
        return Ok(None);
    }
    // In its own transaction: one unreadable newsletter row must not block emails and feeds.
    let created = async {
        let mut tx = context.db.begin().await?;
        create_issues(context, &mut tx, now).await?;
        tx.commit().await
    };
    let created = created.await;
    let mut tx = context.db.begin().await?;
    wake_due(contexts, &mut tx, now).await?;
    let next = issues::next_planned_due(&mut tx, now).await?;
    // A rarely read feed may have published something in the last hour, which belongs in this issue.
    if next.is_some_and(|due| due <= now + READ_FEEDS_BEFORE) {
        feeds::poll_soon(&mut tx, now).await?;
    }
    tx.commit().await?;
    // In its own transactions, so that a failure does not delay issues.
    if let Err(error) = unconfirmed_signups::remind_and_expire(&contexts.readers, now).await {
        tracing::error!(%error, "could not remind readers or expire signups; retrying");
    }
    created.map(|()| next)
}

/// Creates the issues that are due soon, and records missed ones. Readers' clocks are loaded only if a date
/// is near, and once per clock, not per reader.
async fn create_issues(context: &IssueContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
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
                tracing::info!(newsletter = newsletter.slug, %date, %status, "scheduler created an issue");
            }
        }
        // After a long downtime, operators get one email about the latest missed issue. It mentions the
        // earlier ones.
        if let Some(issue) = missed {
            issue_stopped(&context.queue, tx, issue, now).await?;
        }
    }
    Ok(())
}

async fn wake_due(contexts: &Contexts, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let context = &contexts.issues;
    let woken_before = now - WAKE_AGAIN_AFTER;
    for (issue, status, due) in issues::wake_due(tx, now, woken_before).await? {
        if status == IssueStatus::Planned && now > due.last + context.settings.schedule.margins().grace {
            let record = issues::get(tx, issue).await?;
            let reason = Some(match record.as_ref().and_then(|it| it.waits_for.as_deref()) {
                Some(plan::WAITS_FOR_APPROVAL) => "no operator approved it in time",
                Some(plan::WAITS_FOR_SEND) => "no operator sent it in time",
                Some(plan::WAITS_FOR_SETUP) => {
                    "something that readers need was not set up in time; see `daily check`"
                }
                Some(_) => "it had too few stories, and no operator let it go out in time",
                None => "missed: it could not go out at its time, nor within the grace after it",
            });
            if issues::advance(tx, issue, IssueStatus::Planned, IssueStatus::Skipped, reason, now).await? {
                issue_stopped(&context.queue, tx, issue, now).await?;
            }
            tracing::warn!(%issue, due_at = %due.first, "issue missed and skipped");
            continue;
        }
        let job = match status {
            IssueStatus::Planned if due.first > now => Job::PlanIssue { issue },
            // The plans of all other issues wait until the deliveries of a stopped one are made, too.
            IssueStatus::Planned | IssueStatus::Frozen | IssueStatus::Paused | IssueStatus::Held => {
                Job::FreezeIssue { issue }
            }
            _ => Job::Deliver { issue },
        };
        context.queue.enqueue(tx, &job).await?;
    }
    for issue in issues::outdated(tx, PLAN_AGAIN, now).await? {
        context.queue.enqueue(tx, &Job::PlanIssue { issue }).await?;
    }
    for issue in heartbeats::wake_due(tx, now).await? {
        context.queue.enqueue(tx, &Job::CallHeartbeat { issue }).await?;
    }
    remind_operators(context, tx, now).await?;
    report_destinations(context, tx, now).await?;
    let emails = emails::wake_due(tx, now, woken_before, AT_ONCE).await?;
    context.queue.enqueue_all(tx, &Job::send_emails(&emails)).await?;
    rate_limits::tidy(tx, now).await?;
    watch_signups::run(&contexts.readers, tx, now).await?;
    unconfirmed_signups::expire_unprocessed(&contexts.readers, tx, now).await?;
    end_pauses::end_due_pauses(tx, now).await?;
    requests::tidy(tx, now - request::RETENTION, AT_ONCE).await?;
    wake_intake(contexts, tx, now).await
}

/// Wakes what comes in: signups, feeds and articles.
async fn wake_intake(contexts: &Contexts, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    if intake::any_before(tx, now - PROCESS_AGAIN_AFTER, now).await? {
        contexts.issues.queue.enqueue(tx, &Job::ProcessSignups).await?;
    }
    wake_content::wake_due(&contexts.feeds, tx, now).await
}
