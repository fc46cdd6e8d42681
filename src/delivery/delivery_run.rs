//! A delivery run: one process's share of an issue for up to half a minute. It claims deliveries, hands them
//! to connection tasks, and releases the rest.

use crate::{
    db::{
        DbError,
        deliveries::{self, ClaimedDelivery, From, claims},
        issues,
        throttle::send_rates::{self, Scope},
    },
    delivery::{context::Context, mailing::Mailing},
    domain::{
        delivery::retry,
        ids::{ClaimId, DeliveryId},
    },
    queue::JobFailure,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Deliveries claimed at once.
pub const BATCH_SIZE: i64 = 256;
/// Maximum duration of a run.
const MAX_RUN_TIME: Duration = Duration::from_secs(30);
/// Maximum number of throttled domains served in one batch.
const MAX_DOMAINS: i64 = 20;
/// Maximum wait for permits of throttled domains when nothing else is due. For longer waits a later run is
/// scheduled.
const MAX_PERMIT_WAIT: Duration = Duration::from_secs(2);
/// Minimum wait between two looks for work.
const MIN_WAIT: Duration = Duration::from_millis(20);
/// Delays before retrying to close a run that the database refused to close.
const CLOSE_RETRY_DELAYS: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
/// How often a run looks for due deliveries while its tasks are busy.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many times a run waits for the canary before it leaves the issue to other processes.
const MAX_CANARY_WAITS: u32 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Nothing is due now.
    NothingDue,
    /// The time is up, or the process is shutting down. The rest can continue at once.
    TimeUp,
    /// Other processes deliver the rest of the canary.
    Canary,
    /// No relay is reachable.
    NoRelay,
    /// The issue was stopped or the claim was lost.
    Stopped,
    /// The database was unavailable.
    NoDatabase,
}

/// The state that the connection tasks of a run share.
pub(super) struct DeliveryRun {
    pub context: Context,
    pub mailing: Mailing,
    pub claim: ClaimId,
    /// When the issue was first due; deliveries are retried for a day from then on.
    pub first_due: Timestamp,
    /// Cancelled when the run ends. Tasks finish what they have begun.
    pub stopped: CancellationToken,
    stop_reason: Mutex<Option<StopReason>>,
    in_flight: AtomicUsize,
    idle: Notify,
    throttled: Mutex<HashMap<String, Vec<DeliveryId>>>,
}

impl DeliveryRun {
    /// Opens a claim, after recovering deliveries of crashed workers.
    pub async fn open(
        context: &Context,
        mailing: Mailing,
        first_due: Timestamp,
    ) -> Result<Arc<Self>, DbError> {
        let issue = mailing.issue.id;
        context.throttle.refresh().await?;
        let now = context.clock.now();
        let lease = context.settings.sending.lease();
        let mut tx = context.db.begin().await?;
        claims::expire(&mut tx, issue, now).await?;
        deliveries::recover(&mut tx, issue).await?;
        if !context.settings.sending.hold_uncertain() {
            deliveries::retry_uncertain(&mut tx, issue, retry::MAX_REPEATS, now, deliveries::PORTION).await?;
        }
        if now.duration_since(context.clock.adjusted(first_due)) > retry::GIVE_UP_AFTER {
            deliveries::give_up(&mut tx, issue, now - retry::GIVE_UP_AFTER, now).await?;
        }
        let claim = claims::open(&mut tx, issue, &context.process, now + lease).await?;
        issues::set_woken(&mut tx, issue, now).await?;
        tx.commit().await?;

        Ok(Arc::new(Self {
            context: context.clone(),
            mailing,
            claim,
            first_due,
            stopped: CancellationToken::new(),
            stop_reason: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            idle: Notify::new(),
            throttled: Mutex::default(),
        }))
    }

    /// Releases deliveries that were not begun, and with `all`, the claim too. Retries if the database is
    /// unavailable.
    pub async fn close_with_retries(&self, all: bool) -> Result<(), DbError> {
        let mut pauses = CLOSE_RETRY_DELAYS.iter();
        while let Err(error) = self.close(all).await {
            // Until this succeeds, the claimed deliveries are blocked for the rest of the lease.
            let Some(pause) = pauses.next() else { return Err(error) };
            tracing::warn!(issue = %self.mailing.issue.id, %error, "delivery run not closed yet, retrying");
            tokio::time::sleep(*pause).await;
        }
        Ok(())
    }

    async fn close(&self, all: bool) -> Result<(), DbError> {
        let mut tx = self.context.db.begin().await?;
        self.write_throttled(&mut tx).await?;
        deliveries::release(&mut tx, self.mailing.issue.id, self.claim).await?;
        if all {
            claims::close(&mut tx, self.claim).await?;
        }
        tx.commit().await
    }

    /// Stops the run. The first reason counts.
    pub fn stop(&self, reason: StopReason) {
        self.stop_reason.lock().get_or_insert(reason);
        self.stopped.cancel();
    }

    pub fn stop_reason(&self) -> Option<StopReason> {
        *self.stop_reason.lock()
    }

    /// Sets a claimed delivery aside because its domain has become throttled.
    pub fn throttle(&self, delivery: ClaimedDelivery) {
        let domain = delivery.address.domain().to_owned();
        let mut throttled = self.throttled.lock();
        throttled.entry(domain).or_default().push(delivery.id);
    }

    /// Notes that a task is done with a delivery, whatever its result.
    pub fn finish_one(&self) {
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_one();
        }
    }

    async fn write_throttled(&self, tx: &mut crate::db::Tx) -> Result<(), DbError> {
        let throttled = std::mem::take(&mut *self.throttled.lock());
        for (domain, ids) in throttled {
            deliveries::throttle(tx, self.mailing.issue.id, self.claim, &domain, &ids).await?;
        }
        Ok(())
    }

    /// Claims deliveries and hands them to the tasks until nothing is due or the run ends.
    pub async fn dispatch(&self, rows: mpsc::Sender<ClaimedDelivery>) -> Result<(), JobFailure> {
        let until = Instant::now() + MAX_RUN_TIME;
        let mut cursor = None;
        let mut canary_waits = 0;
        // An empty batch is final only if no task was busy, because a task may have released a delivery.
        let mut checked_when_idle = false;
        loop {
            if self.stopped.is_cancelled() {
                return Ok(());
            }
            if self.context.stop.is_cancelled() || Instant::now() >= until {
                self.stop(StopReason::TimeUp);
                return Ok(());
            }
            let batch = self.claim_batch(&mut cursor).await?;
            let Batch { rows: claimed, canary_full, next_permit } = batch;
            if claimed.is_empty() {
                if self.in_flight.load(Ordering::Acquire) > 0 {
                    self.wait_until_idle().await;
                } else if canary_full && canary_waits < MAX_CANARY_WAITS {
                    // Its last answers are still being recorded, by this process or others.
                    canary_waits += 1;
                    self.sleep(MIN_WAIT).await;
                } else if canary_full {
                    self.stop(StopReason::Canary);
                } else if let Some(wait) = next_permit.filter(|wait| *wait < MAX_PERMIT_WAIT) {
                    self.sleep(wait.max(MIN_WAIT)).await;
                } else if checked_when_idle {
                    self.stop(StopReason::NothingDue);
                } else {
                    (checked_when_idle, cursor) = (true, None);
                }
                continue;
            }
            (checked_when_idle, canary_waits) = (false, 0);
            for row in claimed {
                self.in_flight.fetch_add(1, Ordering::AcqRel);
                let sent = tokio::select! {
                    sent = rows.send(row) => sent.is_ok(),
                    () = self.stopped.cancelled() => false,
                    () = self.context.stop.cancelled() => false,
                    // With slow relays a batch can take long.
                    () = tokio::time::sleep_until(until) => false,
                };
                if !sent {
                    self.finish_one();
                    break;
                }
            }
        }
    }

    async fn wait_until_idle(&self) {
        tokio::select! {
            () = self.idle.notified() => {}
            () = self.stopped.cancelled() => {}
            () = self.context.stop.cancelled() => {}
            // One task may wait for minutes while other deliveries become due.
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }

    async fn sleep(&self, time: Duration) {
        tokio::select! {
            () = self.stopped.cancelled() => {}
            () = self.context.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Renews the lease for as long as the future is polled.
    pub async fn renew_lease(&self) -> Infallible {
        let every = self.context.settings.sending.lease().unsigned_abs() / 4;
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.renew().await {
                tracing::warn!(issue = %self.mailing.issue.id, %error, "lease not renewed yet, retrying");
            }
        }
    }

    async fn renew(&self) -> Result<(), DbError> {
        let now = self.context.clock.now();
        let issue = self.mailing.issue.id;
        self.context.throttle.refresh().await?;
        let mut tx = self.context.db.begin().await?;
        if !claims::renew(&mut tx, self.claim, now + self.context.settings.sending.lease()).await? {
            self.stop(StopReason::Stopped);
        }
        claims::expire(&mut tx, issue, now).await?;
        deliveries::recover(&mut tx, issue).await?;
        if !self.context.settings.sending.hold_uncertain() {
            deliveries::retry_uncertain(&mut tx, issue, retry::MAX_REPEATS, now, deliveries::PORTION).await?;
        }
        // A run that only waits for its last answers doesn't count as working on the issue.
        if !self.stopped.is_cancelled() {
            issues::set_woken(&mut tx, issue, now).await?;
        }
        tx.commit().await
    }

    /// Claims the next batch: throttled domains first, as far as they have permits, then the others from
    /// `cursor` on.
    async fn claim_batch(&self, cursor: &mut Option<Cursor>) -> Result<Batch, DbError> {
        let now = self.context.clock.now();
        let issue = self.mailing.issue.id;
        let mut tx = self.context.db.begin().await?;
        self.write_throttled(&mut tx).await?;
        let mut room = BATCH_SIZE;
        let breaker = self.context.settings.sending.breaker();
        if breaker.canary > 0 {
            let score = issues::score(&mut tx, issue).await?;
            if breaker.canary_room(score, 0).is_some() {
                // Counted under a lock: two workers that count at the same time would both fill the canary.
                issues::lock(&mut tx, issue).await?;
                let score = issues::score(&mut tx, issue).await?;
                let in_flight = deliveries::count_claimed(&mut tx, issue).await?;
                room = breaker.canary_room(score, in_flight).unwrap_or(BATCH_SIZE).min(BATCH_SIZE);
            }
        }
        let canary_full = room == 0;
        let mut rows = Vec::new();
        let mut ready_domains = send_rates::ready_domains(&mut tx, issue, now, MAX_DOMAINS).await?;
        // All processes use the same order, because each reservation locks its row until the commit.
        ready_domains.sort_unstable_by(|a, b| a.domain.cmp(&b.domain));
        for ready in ready_domains {
            if room == 0 {
                break;
            }
            let permits = match self.context.throttle.domain_rate(&ready.domain, ready.pace.slowed) {
                None => room,
                Some(per_minute) => {
                    let scope = Scope::Domain(&ready.domain);
                    match send_rates::reserve(&mut tx, scope, per_minute, SignedDuration::ZERO, now).await? {
                        Ok(permits) => i64::from(permits.count),
                        Err(_) => continue,
                    }
                }
            };
            let from = From::Throttled(&ready.domain);
            let claimed = deliveries::claim(&mut tx, issue, self.claim, from, now, permits.min(room)).await?;
            room -= i64::try_from(claimed.len()).unwrap_or(room);
            rows.extend(claimed);
        }
        if room > 0 {
            let from = From::Common(*cursor);
            let claimed = deliveries::claim(&mut tx, issue, self.claim, from, now, room).await?;
            if let Some(last) = claimed.last() {
                *cursor = Some((last.next_attempt_at, last.id));
            }
            rows.extend(claimed);
        }
        let mut next_permit = None;
        if rows.is_empty() && !canary_full {
            let due = deliveries::next_due(&mut tx, issue).await?;
            next_permit = due.filter(|due| *due > now).map(|due| self.context.throttle.time_until(due));
        }
        tx.commit().await?;
        Ok(Batch { rows, canary_full, next_permit })
    }

    /// Whether a delivery's domain has become throttled since the delivery was claimed.
    pub fn is_throttled(&self, delivery: &ClaimedDelivery) -> bool {
        delivery.throttled_domain.is_none() && self.context.throttle.is_limited(delivery.address.domain())
    }
}

type Cursor = (crate::db::DbTime, DeliveryId);

struct Batch {
    rows: Vec<ClaimedDelivery>,
    /// Whether all of the canary is claimed.
    canary_full: bool,
    /// The wait until the next delivery, if none is due.
    next_permit: Option<Duration>,
}
