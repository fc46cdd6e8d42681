//! Makes the deliveries of a frozen issue, in batches, so that other database work is not delayed. After a
//! crash another worker continues with the next batch.

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
    jobs::{context::IssueContext, freeze_issue::freeze_lease::FreezeLease},
    queue::{Job, JobFailure},
};
use jiff::Timestamp;
use std::time::Duration;

/// Readers per transaction. On SQLite nothing else can write meanwhile.
const READERS_AT_ONCE: i64 = 5_000;
/// Pause between batches. A process that waits for SQLite's lock only polls for it now and then.
const PAUSE: Duration = Duration::from_millis(10);
/// Number of new rows from which the planner's statistics are out of date.
const ANALYZE_FROM: i64 = 10_000;

/// Makes the missing deliveries and starts sending the issue.
pub async fn run(
    context: &IssueContext,
    newsletter: &NewsletterRecord,
    issue: IssueId,
    lease: &FreezeLease,
) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(kept) = issues::kept_plan(&mut tx, issue).await? else { return Ok(()) };
    drop(tx);
    let cadences: Vec<Cadence> = kept.inputs.served.iter().map(|served| served.cadence).collect();
    let past = Past::new(&kept.inputs.past);
    let throttled = context.throttled_domains();
    loop {
        lease.renew(context).await?;
        let mut tx = context.db.begin().await?;
        // Another process may be fanning out the same issue, or an operator may cancel it.
        issues::lock(&mut tx, issue).await?;
        let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
        let (IssueStatus::Frozen, Some(after)) = (record.status, record.fanned_out_to) else {
            return Ok(());
        };
        let frozen_at = record.frozen_at.map_or(record.due_at.0, |at| at.0);
        let by_reader = newsletter.newsletter.clock == SendClock::Reader && !record.at_once;
        let missed_before = frozen_at - context.settings.schedule.margins().grace;
        let request = FanOut {
            issue,
            newsletter: newsletter.id,
            cadences: &cadences,
            past: &past,
            due_at: record.due_at.0,
            missed_before: if by_reader { missed_before } else { Timestamp::UNIX_EPOCH },
            throttled_domains: &throttled,
        };
        let made = deliveries::fan_out(&mut tx, &request, after, READERS_AT_ONCE, frozen_at).await?;
        let now = context.clock.now();
        issues::set_woken(&mut tx, issue, now).await?;
        if let Some((up_to, made)) = made {
            issues::set_fanned_out(&mut tx, issue, Some(up_to), made).await?;
            tx.commit().await?;
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        issues::set_fanned_out(&mut tx, issue, None, 0).await?;
        send_rates::mark_throttled(&mut tx, issue, &throttled).await?;
        issues::advance(&mut tx, issue, IssueStatus::Frozen, IssueStatus::Sending, None, now).await?;
        let workers = processes::count_workers(&mut tx, now).await?;
        for _ in 0..workers.min(record.recipients / BATCH_SIZE + 1).max(1) {
            context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        }
        tx.commit().await?;
        tracing::info!(%issue, date = %record.issue_date, readers = record.recipients, "sending begins");
        if record.recipients >= ANALYZE_FROM {
            let mut tx = context.db.begin().await?;
            deliveries::analyze(&mut tx).await?;
            tx.commit().await?;
        }
        return Ok(());
    }
}
