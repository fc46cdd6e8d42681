//! Delivering an issue: what of it is due goes out, over as many connections as this process may have.
//!
//! A job is one [`turn`]: it claims batches of deliveries and feeds them to lanes, which build, begin, send and record each
//! (`lane`). After half a minute it hands its rest on, so that issues take turns and other processes get theirs.

use crate::{
    db::{
        deliveries::{self, claims},
        engine::processes,
        issues,
    },
    delivery::{delivery_run::End, mailing::Mailing},
    domain::{delivery::retry, ids::IssueId, issue::status::IssueStatus},
    jobs::Context,
    queue::{Job, JobFailure},
    random,
};
use jiff::SignedDuration;
use parking_lot::Mutex;
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Readers claimed at a time.
pub const BATCH: i64 = 256;
/// When a process that works on an issue already gets another job of it, the job comes back within this time, for another
/// process.
const PASS_ON_WITHIN: Duration = Duration::from_millis(500);
/// How long what is due and could not go out waits at least.
const NOT_AT_ONCE: SignedDuration = SignedDuration::from_secs(2);
/// When a job that can't be done now comes back.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// Deliveries of a cancelled issue that are skipped in one transaction.
const SKIP_AT_ONCE: i64 = 5_000;

/// Which issues this process works on: one turn an issue is enough, as it uses all connections there are.
#[derive(Debug, Clone, Default)]
pub struct Seats(Arc<Mutex<HashSet<IssueId>>>);

struct Seat<'a>(&'a Seats, IssueId);

impl Seats {
    fn take(&self, issue: IssueId) -> Option<Seat<'_>> {
        let taken = self.0.lock().insert(issue);
        // Not `then_some`: a seat made and not given would be given up at once, and with it the one that another turn has.
        taken.then(|| Seat(self, issue))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// Delivers what is due of an issue, for a while; then enqueues a successor for the rest, or closes the issue.
pub async fn run(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    if !context.governor.may_connect() {
        // What it claimed would lie there until its turn is over.
        return later_again(context, issue).await;
    }
    let Some(seat) = context.seats.take(issue) else { return pass_on(context, issue).await };
    let Some(mailing) = Mailing::load(context, issue).await? else { return settle(context, issue).await };
    let due_at = mailing.issue.due_at.0;
    let first_due = mailing.issue.resumed_at.map_or(due_at, |at| at.0.max(due_at));
    let late = context.clock.now().duration_since(first_due) > retry::GIVE_UP_AFTER;
    if !late && context.mailer.preferred().is_none() {
        // All relays rest: nothing is claimed for nothing. What is late a turn gives up.
        drop(seat);
        return hand_on(context, issue, End::NoRelay).await;
    }
    let end = crate::delivery::run::run(context, mailing, first_due).await?;
    // From here on a new job of the issue finds the seat free: what it was enqueued for may have come too late for this turn.
    drop(seat);
    hand_on(context, issue, end).await
}

/// Leaves a job of this process, which has no connection, to the others, or to itself when it has one.
async fn later_again(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if issues::get(&mut tx, issue).await?.is_some_and(|record| record.status == IssueStatus::Sending) {
        context.queue.enqueue_at(&mut tx, &Job::Deliver { issue }, now + AGAIN_AFTER).await?;
    }
    tx.commit().await?;
    settle(context, issue).await
}

/// Leaves a job to a process that does not work on the issue yet, if there is one.
async fn pass_on(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    // Processes look for jobs in a rhythm of their own; without some chance in it, the same one would always come first.
    let pause = PASS_ON_WITHIN.mul_f64(random::fraction());
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = context.stop.cancelled() => {}
    }
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let workers = processes::count_workers(&mut tx, now).await?;
    let sending = issues::get(&mut tx, issue).await?.is_some_and(|it| it.status == IssueStatus::Sending);
    if sending && workers > 1 && claims::processes(&mut tx, issue, now).await? < workers {
        context.queue.enqueue_for_others(&mut tx, &Job::Deliver { issue }).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Skips what is left of a cancelled issue. Nothing of any other state is left to do here.
async fn settle(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    loop {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
        if record.status != IssueStatus::Cancelled {
            return Ok(());
        }
        claims::expire(&mut tx, issue, now).await?;
        deliveries::recover(&mut tx, issue).await?;
        let skipped =
            deliveries::skip_open(&mut tx, issue, "the issue was cancelled", now, SKIP_AT_ONCE).await?;
        let standing = deliveries::standing(&mut tx, issue).await?;
        if skipped == 0 && !standing.leased && !standing.waiting {
            issues::set_at_rest(&mut tx, issue).await?;
        }
        tx.commit().await?;
        if skipped == 0 {
            return Ok(());
        }
    }
}

/// Enqueues what comes next for an issue: another turn now or later, or the end.
pub(crate) async fn hand_on(context: &Context, issue: IssueId, end: End) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let status = issues::get(&mut tx, issue).await?.map(|record| record.status);
    let standing = deliveries::standing(&mut tx, issue).await?;
    let next = match status {
        Some(IssueStatus::Sending) if standing.is_done() => {
            if issues::advance(&mut tx, issue, IssueStatus::Sending, IssueStatus::Sent, None, now).await? {
                tracing::info!(%issue, "issue sent");
            }
            None
        }
        Some(IssueStatus::Sending) => match end {
            // Stopped, and let go on meanwhile.
            End::Full | End::Stopped => Some(None),
            End::Canary => Some(Some(now + AGAIN_AFTER)),
            // Where nothing waits, those who hold the last ones close the issue; the sweep looks after them in case they died.
            _ => deliveries::next_due(&mut tx, issue).await?.map(|due| Some(due.max(now + NOT_AT_ONCE))),
        },
        // Its rows are skipped by a turn of their own.
        Some(IssueStatus::Cancelled) => Some(None),
        _ => None,
    };
    match next {
        None => {}
        Some(None) => {
            context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
            issues::set_woken(&mut tx, issue, now).await?;
        }
        Some(Some(at)) => {
            context.queue.enqueue_at(&mut tx, &Job::Deliver { issue }, at).await?;
            // The sweep only helps when this job is lost.
            issues::set_woken(&mut tx, issue, at).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_taken_until_it_is_given_up() {
        let seats = Seats::default();
        let seat = seats.take(IssueId(1));
        assert!(seat.is_some() && seats.take(IssueId(2)).is_some());
        for _ in 0..2 {
            assert!(seats.take(IssueId(1)).is_none(), "asking does not free it");
        }
        drop(seat);
        assert!(seats.take(IssueId(1)).is_some());
    }
}
