//! A turn: one process's work on one issue for half a minute. It claims, feeds its lanes, and gives back what is left. `run` drives it.

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

/// Deliveries claimed at a time.
pub const BATCH: i64 = 256;
/// How long a turn lasts at most.
const WORK_FOR: Duration = Duration::from_secs(30);
/// Domains with a limited pace that are looked after in one round.
const DOMAINS_AT_ONCE: i64 = 20;
/// How long a turn waits for permits of slow domains when nothing else is due; for longer waits a later turn comes.
const WAIT_FOR_PERMITS: Duration = Duration::from_secs(2);
/// The shortest such wait.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
/// How long to wait before a turn that the database did not let end is ended once more.
const CLOSE_AGAIN_AFTER: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
/// How long a turn waits for its lanes before it looks for work once more.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many of these a turn waits for the rest of a canary before it leaves it to others.
const CANARY_WAITS: u32 = 100;

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Nothing more is due now.
    Empty,
    /// Its time is over, or the process is asked to end: the rest can go on at once.
    Full,
    /// The canary is in other processes' hands.
    Canary,
    /// No relay can be reached.
    NoRelay,
    /// The issue was stopped, or the claim was lost.
    Stopped,
    /// The database could not be written.
    NoDatabase,
}

/// What the lanes of a turn share.
pub(super) struct DeliveryRun {
    pub context: Context,
    pub mailing: Mailing,
    pub claim: ClaimId,
    /// From when deliveries are given a day.
    pub first_due: Timestamp,
    /// Cancelled when the turn ends; lanes finish what they have begun.
    pub ended: CancellationToken,
    end: Mutex<Option<StopReason>>,
    in_hand: AtomicUsize,
    idle: Notify,
    parked: Mutex<HashMap<String, Vec<DeliveryId>>>,
}

impl DeliveryRun {
    /// Opens a claim, after recovering what workers that died had begun.
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
            deliveries::retry_uncertain(&mut tx, issue, now).await?;
        }
        if now.duration_since(first_due) > retry::GIVE_UP_AFTER {
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
            ended: CancellationToken::new(),
            end: Mutex::default(),
            in_hand: AtomicUsize::new(0),
            idle: Notify::new(),
            parked: Mutex::default(),
        }))
    }

    /// Gives back what was not begun, and, when nothing is in flight any more, the claim.
    pub async fn close_with_retries(&self, all: bool) -> Result<(), DbError> {
        let mut pauses = CLOSE_AGAIN_AFTER.iter();
        while let Err(error) = self.close(all).await {
            // Until this is done, what was claimed and not begun is nobody's, for as long as the lease lasts.
            let Some(pause) = pauses.next() else { return Err(error) };
            tracing::warn!(issue = %self.mailing.issue.id, %error, "a turn could not be closed yet");
            tokio::time::sleep(*pause).await;
        }
        Ok(())
    }

    async fn close(&self, all: bool) -> Result<(), DbError> {
        let mut tx = self.context.db.begin().await?;
        self.write_parked(&mut tx).await?;
        deliveries::release(&mut tx, self.mailing.issue.id, self.claim).await?;
        if all {
            claims::close(&mut tx, self.claim).await?;
        }
        tx.commit().await
    }

    /// Ends the turn; the first reason counts.
    pub fn end(&self, why: StopReason) {
        self.end.lock().get_or_insert(why);
        self.ended.cancel();
    }

    pub fn stop_reason(&self) -> Option<StopReason> {
        *self.end.lock()
    }

    /// Sets a claimed delivery apart: its domain's pace has become limited.
    pub fn park(&self, delivery: ClaimedDelivery) {
        let domain = delivery.address.domain().to_owned();
        let mut parked = self.parked.lock();
        parked.entry(domain).or_default().push(delivery.id);
    }

    /// Says that a lane is done with a delivery, in whatever way.
    pub fn finish_one(&self) {
        if self.in_hand.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_one();
        }
    }

    async fn write_parked(&self, tx: &mut crate::db::Tx) -> Result<(), DbError> {
        let parked = std::mem::take(&mut *self.parked.lock());
        for (domain, ids) in parked {
            deliveries::throttle(tx, self.mailing.issue.id, self.claim, &domain, &ids).await?;
        }
        Ok(())
    }

    /// Claims and hands out, until there is nothing more or the turn ends.
    pub async fn feed(&self, rows: mpsc::Sender<ClaimedDelivery>) -> Result<(), JobFailure> {
        let until = Instant::now() + WORK_FOR;
        let mut place = None;
        let mut canary_waits = 0;
        // Twice nothing, the second time with no lane at work, is nothing: a lane may have given a delivery back.
        let mut looked_when_idle = false;
        loop {
            if self.ended.is_cancelled() {
                return Ok(());
            }
            if self.context.stop.is_cancelled() || Instant::now() >= until {
                self.end(StopReason::Full);
                return Ok(());
            }
            let batch = self.take_batch(&mut place).await?;
            let Batch { rows: claimed, canary_full, next_permit } = batch;
            if claimed.is_empty() {
                if self.in_hand.load(Ordering::Acquire) > 0 {
                    self.wait_until_idle().await;
                } else if canary_full && canary_waits < CANARY_WAITS {
                    // Its last answers are on their way to the database, from this process or from others.
                    canary_waits += 1;
                    self.rest(SHORTEST_WAIT).await;
                } else if canary_full {
                    self.end(StopReason::Canary);
                } else if let Some(wait) = next_permit.filter(|wait| *wait < WAIT_FOR_PERMITS) {
                    self.rest(wait.max(SHORTEST_WAIT)).await;
                } else if looked_when_idle {
                    self.end(StopReason::Empty);
                } else {
                    (looked_when_idle, place) = (true, None);
                }
                continue;
            }
            (looked_when_idle, canary_waits) = (false, 0);
            for row in claimed {
                self.in_hand.fetch_add(1, Ordering::AcqRel);
                let sent = tokio::select! {
                    sent = rows.send(row) => sent.is_ok(),
                    () = self.ended.cancelled() => false,
                    () = self.context.stop.cancelled() => false,
                    // Slow relays take long for a batch.
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
            () = self.ended.cancelled() => {}
            () = self.context.stop.cancelled() => {}
            // One lane may wait for minutes; the others look what has become due meanwhile.
            () = tokio::time::sleep(LOOK_AGAIN_AFTER) => {}
        }
    }

    async fn rest(&self, time: Duration) {
        tokio::select! {
            () = self.ended.cancelled() => {}
            () = self.context.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Keeps the lease up for as long as it is polled.
    pub async fn renew_lease(&self) -> Infallible {
        let every = self.context.settings.sending.lease().unsigned_abs() / 4;
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.renew().await {
                tracing::warn!(issue = %self.mailing.issue.id, %error, "a lease could not be renewed yet");
            }
        }
    }

    async fn renew(&self) -> Result<(), DbError> {
        let now = self.context.clock.now();
        let issue = self.mailing.issue.id;
        self.context.throttle.refresh().await?;
        let mut tx = self.context.db.begin().await?;
        if !claims::renew(&mut tx, self.claim, now + self.context.settings.sending.lease()).await? {
            self.end(StopReason::Stopped);
        }
        claims::expire(&mut tx, issue, now).await?;
        deliveries::recover(&mut tx, issue).await?;
        if !self.context.settings.sending.hold_uncertain() {
            deliveries::retry_uncertain(&mut tx, issue, now).await?;
        }
        // A turn that only waits for its last answers does not look after the others.
        if !self.ended.is_cancelled() {
            issues::set_woken(&mut tx, issue, now).await?;
        }
        tx.commit().await
    }

    /// Claims the next batch: slow domains' first, as far as they have permits, then the others from `place` on.
    async fn take_batch(&self, place: &mut Option<Place>) -> Result<Batch, DbError> {
        let now = self.context.clock.now();
        let issue = self.mailing.issue.id;
        let mut tx = self.context.db.begin().await?;
        self.write_parked(&mut tx).await?;
        let mut room = BATCH;
        let breaker = self.context.settings.sending.breaker();
        if breaker.canary > 0 {
            let (score, in_hand) = issues::score(&mut tx, issue).await?;
            if breaker.canary_room(score, in_hand).is_some() {
                // Counted again with nobody beside us: two workers that count the same room would both fill it.
                issues::lock(&mut tx, issue).await?;
                let (score, in_hand) = issues::score(&mut tx, issue).await?;
                room = breaker.canary_room(score, in_hand).unwrap_or(BATCH).min(BATCH);
            }
        }
        let canary_full = room == 0;
        let mut rows = Vec::new();
        let mut ready_domains = send_rates::ready_domains(&mut tx, issue, now, DOMAINS_AT_ONCE).await?;
        // In one order for all: each reservation holds its row until the commit.
        ready_domains.sort_unstable_by(|a, b| a.domain.cmp(&b.domain));
        for ready in ready_domains {
            if room == 0 {
                break;
            }
            let permits = match self.context.throttle.domain_pace(&ready.domain, ready.pace.slowed) {
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
            let taken = deliveries::claim(&mut tx, issue, self.claim, from, now, permits.min(room)).await?;
            room -= i64::try_from(taken.len()).unwrap_or(room);
            rows.extend(taken);
        }
        if room > 0 {
            let from = From::Common(*place);
            let taken = deliveries::claim(&mut tx, issue, self.claim, from, now, room).await?;
            if let Some(last) = taken.last() {
                *place = Some((last.next_attempt_at, last.id));
            }
            rows.extend(taken);
        }
        let mut next_permit = None;
        if rows.is_empty() && !canary_full {
            let due = deliveries::next_due(&mut tx, issue).await?;
            next_permit = due.filter(|due| *due > now).map(|due| self.context.throttle.until(due));
        }
        tx.commit().await?;
        Ok(Batch { rows, canary_full, next_permit })
    }

    /// Whether a delivery is to be set apart, because its domain's pace has become limited since it was claimed.
    pub fn is_slow(&self, delivery: &ClaimedDelivery) -> bool {
        delivery.throttled_domain.is_none() && self.context.throttle.is_limited(delivery.address.domain())
    }
}

type Place = (crate::db::DbTime, DeliveryId);

struct Batch {
    rows: Vec<ClaimedDelivery>,
    /// The canary has all it may have.
    canary_full: bool,
    /// When the next delivery comes, if none is due.
    next_permit: Option<Duration>,
}
