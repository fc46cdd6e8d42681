//! Makes the deliveries of a frozen issue, in batches, so that other database work is not delayed. After a
//! crash another worker continues with the next batch.

use crate::{
    db::{
        cohorts,
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
/// Readers per transaction on PostgreSQL, where others write at the same time.
const READERS_AT_ONCE_ON_POSTGRES: i64 = 10_000;
/// Pause between batches on SQLite. A process that waits for its lock only polls for it now and then.
const PAUSE: Duration = Duration::from_millis(10);
/// Number of new rows from which the planner's statistics are out of date.
const ANALYZE_FROM: i64 = 10_000;

/// Makes the missing deliveries. Sending begins with the first batch.
pub async fn run(
    context: &IssueContext,
    newsletter: &NewsletterRecord,
    issue: IssueId,
    lease: &FreezeLease,
) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(kept) = issues::kept_plan(&mut tx, issue).await? else { return Ok(()) };
    let past = Past::load(&mut tx, newsletter.id, &kept.inputs.past).await?;
    drop(tx);
    let cadences: Vec<Cadence> = kept.inputs.served.iter().map(|served| served.cadence).collect();
    let throttled = context.throttled_domains();
    let mut is_analyzed = false;
    loop {
        lease.renew(context).await?;
        let mut tx = context.db.begin().await?;
        // Another process may be fanning out the same issue, or an operator may cancel it.
        issues::lock(&mut tx, issue).await?;
        let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
        let Some(after) = record.fanned_out_to.filter(|_| !record.status.is_final()) else { return Ok(()) };
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
        let at_once = if tx.is_only_writer() { READERS_AT_ONCE } else { READERS_AT_ONCE_ON_POSTGRES };
        let portion = deliveries::fan_out(&mut tx, &request, after, at_once, frozen_at).await?;
        let now = context.clock.now();
        issues::set_woken(&mut tx, issue, now).await?;
        let up_to = portion.up_to.filter(|_| !portion.is_last);
        issues::set_fanned_out(&mut tx, issue, up_to, portion.made).await?;
        let recipients = record.recipients + i64::try_from(portion.made).unwrap_or(i64::MAX);
        let begins = record.status == IssueStatus::Frozen && (portion.is_last || portion.made > 0);
        if begins {
            send_rates::mark_throttled(&mut tx, issue, &throttled).await?;
            issues::advance(&mut tx, issue, IssueStatus::Frozen, IssueStatus::Sending, None, now).await?;
            tracing::info!(%issue, date = %record.issue_date, "sending begins");
        }
        if portion.is_last {
            cohorts::end_fan_out(&mut tx, issue).await?;
            tracing::info!(%issue, date = %record.issue_date, readers = recipients, "all deliveries made");
        }
        // Runs that found nothing due before the last portion have ended.
        if begins || portion.is_last {
            let workers = processes::count_workers(&mut tx, now).await?;
            for _ in 0..workers.min(recipients / BATCH_SIZE + 1).max(1) {
                context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
            }
        }
        tx.commit().await?;
        if recipients >= ANALYZE_FROM && (portion.is_last || !is_analyzed) {
            is_analyzed = true;
            let mut tx = context.db.begin().await?;
            deliveries::analyze(&mut tx).await?;
            tx.commit().await?;
        }
        if portion.is_last {
            return Ok(());
        }
        if at_once == READERS_AT_ONCE {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
