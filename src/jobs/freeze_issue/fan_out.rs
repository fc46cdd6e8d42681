//! A delivery for each reader of a frozen issue, in portions, so that nothing else waits long for the store. A process that dies on
//! the way is followed by another one, which goes on where it stopped.

use crate::{
    db::{
        deliveries::{self, FanOut, Past},
        engine::processes,
        issues,
        newsletters::NewsletterRecord,
        throttle::send_rates,
    },
    delivery::delivery_run::BATCH_SIZE,
    domain::{ids::IssueId, issue::status::IssueStatus, newsletter::SendClock, subscriber::cadence::Cadence},
    jobs::{context::IssueContext, freeze_issue::turn::Turn},
    queue::{Job, JobFailure},
};
use jiff::Timestamp;
use std::time::Duration;

/// Readers in one transaction: on SQLite nobody else writes meanwhile.
const PORTION: i64 = 5_000;
/// From one portion to the next: another process that waits for SQLite looks only now and then whether it is free.
const PAUSE: Duration = Duration::from_millis(10);
/// So many new rows that the database's idea of the table is out of date.
const MANY: i64 = 10_000;

/// Makes the deliveries that are still missing, and lets the issue go out.
pub async fn run(
    context: &IssueContext,
    newsletter: &NewsletterRecord,
    issue: IssueId,
    turn: &Turn,
) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(kept) = issues::kept_plan(&mut tx, issue).await? else { return Ok(()) };
    drop(tx);
    let cadences: Vec<Cadence> = kept.inputs.served.iter().map(|served| served.cadence).collect();
    let past = Past::new(&kept.inputs.past);
    let throttled_domains = context.throttled_domains();
    loop {
        turn.prolong(context).await?;
        let mut tx = context.db.begin().await?;
        // Another process may be at the same work, or an operator may give the issue up.
        issues::lock(&mut tx, issue).await?;
        let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
        let (IssueStatus::Frozen, Some(after)) = (record.status, record.fanned_out_to) else {
            return Ok(());
        };
        let now = record.frozen_at.map_or(record.due_at.0, |at| at.0);
        let by_reader = newsletter.newsletter.clock == SendClock::Reader && !record.at_once;
        let missed_before = now - context.settings.schedule.margins().grace;
        let portion = FanOut {
            issue,
            newsletter: newsletter.id,
            cadences: &cadences,
            past: &past,
            due_at: record.due_at.0,
            missed_before: if by_reader { missed_before } else { Timestamp::UNIX_EPOCH },
            throttled_domains: &throttled_domains,
        };
        let made = deliveries::fan_out(&mut tx, &portion, after, PORTION, now).await?;
        let moment = context.clock.now();
        issues::set_woken(&mut tx, issue, moment).await?;
        if let Some((up_to, made)) = made {
            issues::set_fanned_out(&mut tx, issue, Some(up_to), made).await?;
            tx.commit().await?;
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        issues::set_fanned_out(&mut tx, issue, None, 0).await?;
        send_rates::mark_throttled(&mut tx, issue, &throttled_domains).await?;
        issues::advance(&mut tx, issue, IssueStatus::Frozen, IssueStatus::Sending, None, moment).await?;
        let workers = processes::count_workers(&mut tx, moment).await?;
        for _ in 0..workers.min(record.recipients / BATCH_SIZE + 1).max(1) {
            context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        }
        tx.commit().await?;
        tracing::info!(%issue, date = %record.issue_date, readers = record.recipients, "issue goes out");
        if record.recipients >= MANY {
            let mut tx = context.db.begin().await?;
            deliveries::analyze(&mut tx).await?;
            tx.commit().await?;
        }
        return Ok(());
    }
}
