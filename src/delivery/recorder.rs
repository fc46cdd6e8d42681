//! Records begins and answers of this process's deliveries durably.
//!
//! A delivery is handed to a relay only after its begin is durable, so a crash always leaves a trace of it.
//! One transaction per email would be slow, so begins and answers go through one [group
//! commit](crate::db::engine::group_commit): the more connections are open, the larger the batches. During a
//! database outage, begins are refused, and answers are kept and retried.

use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        bounces::{self, RefusedAddress},
        deliveries::{self, Begun, Finish, Next},
        engine::group_commit::{Answers, BatchHandler, GroupCommit, Reply},
        issues,
        suppressions::lifting::{self, Lifted},
        undeliverable,
    },
    delivery::{
        destinations::{BatchScores, Destinations},
        notify_operators,
        throttle::Throttle,
    },
    domain::{
        delivery::{
            breaker::Breaker,
            status::{self, DeliveryStatus},
        },
        ids::{ClaimId, DeliveryId, IssueId},
        issue::status::IssueStatus,
    },
    metrics::{Metrics, Outcome},
    queue::Queue,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginOutcome {
    /// The delivery may be handed to a relay.
    Started,
    /// The delivery is skipped, because the reader has unsubscribed or paused.
    Skipped,
    /// The claim was lost or the issue was stopped: don't send.
    Lost,
    /// The database was unavailable: don't send.
    Unavailable,
}

/// Records begins and answers of deliveries. Cheap to clone. Its task ends after the last clone is dropped
/// and all answers are stored.
#[derive(Debug, Clone)]
pub struct Recorder(GroupCommit<RecordHandler>);

/// Resolves when an answer is durable.
pub type PendingAnswer = Reply<Option<BeginOutcome>, DbError>;

impl Recorder {
    /// Starts the recorder's task.
    pub fn start(
        db: Db,
        clock: Clock,
        queue: Queue,
        breaker: Breaker,
        throttle: Throttle,
        metrics: Metrics,
    ) -> Self {
        let destinations = Destinations::default();
        Self(GroupCommit::start(RecordHandler { db, clock, queue, breaker, throttle, destinations, metrics }))
    }

    /// Begins a delivery. Returns once the begin is durable or refused.
    pub async fn begin(&self, issue: IssueId, claim: ClaimId, id: DeliveryId) -> BeginOutcome {
        let begun = self.0.request(Record::Begin { issue, claim, id }).await;
        begun.ok().flatten().unwrap_or(BeginOutcome::Unavailable)
    }

    /// Submits an answer. It is retried until the database stores it.
    pub async fn finish(&self, issue: IssueId, finish: Finish) -> PendingAnswer {
        self.0.submit(Record::Finish { issue, finish }).await
    }
}

#[derive(Debug)]
enum Record {
    Begin { issue: IssueId, claim: ClaimId, id: DeliveryId },
    Finish { issue: IssueId, finish: Finish },
}

struct RecordHandler {
    db: Db,
    clock: Clock,
    queue: Queue,
    breaker: Breaker,
    throttle: Throttle,
    destinations: Destinations,
    metrics: Metrics,
}

impl BatchHandler for RecordHandler {
    type Request = Record;
    /// The result of a begin; `None` for an answer.
    type Answer = Option<BeginOutcome>;
    type Error = DbError;

    const MAX_BATCH: usize = 512;

    /// Losing an answer would leave a delivery in doubt. Storing one twice is harmless: the first time
    /// releases the claim on its row.
    fn must_not_be_lost(record: &Record) -> bool {
        matches!(record, Record::Finish { .. })
    }

    async fn commit(&self, batch: &[Record]) -> Result<Answers<Self>, DbError> {
        let (now, started_at) = (self.clock.now(), Instant::now());
        let mut finishes: Vec<(IssueId, &Finish)> = Vec::new();
        let mut begins: HashMap<(IssueId, ClaimId), Vec<DeliveryId>> = HashMap::new();
        for record in batch {
            match record {
                Record::Begin { issue, claim, id } => begins.entry((*issue, *claim)).or_default().push(*id),
                Record::Finish { issue, finish } => finishes.push((*issue, finish)),
            }
        }
        let mut tx = self.db.begin().await?;
        if !finishes.is_empty() {
            let answers: Vec<&Finish> = finishes.iter().map(|(_, finish)| *finish).collect();
            let kept = deliveries::finish(&mut tx, &answers).await?;
            finishes.retain(|(_, finish)| {
                let is_kept = kept.contains(&finish.id);
                if !is_kept {
                    tracing::warn!(delivery = %finish.id, "an answer came after its lease was lost");
                }
                is_kept
            });
        }
        let mut begun = Begun::default();
        for ((issue, claim), ids) in begins {
            let begins = deliveries::begin(&mut tx, issue, claim, &ids, now).await?;
            begun.go.extend(begins.go);
            begun.skipped.extend(begins.skipped);
        }
        suppress_undeliverable(&mut tx, &finishes, now).await?;
        let scores = BatchScores::new(&finishes);
        let held = self.destinations.to_hold(&scores, self.breaker);
        for it in &held {
            self.throttle.hold(&mut tx, &it.domain, &it.reason).await?;
            // Its rejections no longer count against the issue.
            let taken_back = issues::Answers { refused: -it.score.rejected, ..issues::Answers::default() };
            issues::add_answers(&mut tx, it.issue, taken_back).await?;
        }
        // Last, because on PostgreSQL this locks the issue's row until the commit, and other processes need
        // that row.
        self.update_breaker(&mut tx, &finishes, now).await?;
        tx.commit().await?;
        self.metrics.record_commit(started_at.elapsed(), batch.len());
        for (_, finish) in &finishes {
            self.metrics.count_delivery(outcome(finish), finish.answer.code);
        }
        self.destinations.count(scores, &held);
        let answer = |record: &Record| match record {
            Record::Begin { id, .. } if begun.go.contains(id) => Some(BeginOutcome::Started),
            Record::Begin { id, .. } if begun.skipped.contains(id) => Some(BeginOutcome::Skipped),
            Record::Begin { .. } => Some(BeginOutcome::Lost),
            Record::Finish { .. } => None,
        };
        Ok(batch.iter().map(|record| Ok(answer(record))).collect())
    }
}

impl RecordHandler {
    /// Counts answers per issue, and holds issues with too many rejections.
    async fn update_breaker(
        &self,
        tx: &mut Tx,
        finishes: &[(IssueId, &Finish)],
        now: Timestamp,
    ) -> Result<(), DbError> {
        let mut scores: BTreeMap<IssueId, issues::Answers> = BTreeMap::new();
        for (issue, finish) in finishes {
            let Some(refused) = is_rejection(finish) else { continue };
            let score = scores.entry(*issue).or_default();
            score.answered += 1;
            score.refused += i64::from(refused);
            score.sent += i64::from(matches!(finish.next, Next::End(DeliveryStatus::Sent)));
        }
        for (issue, answers) in scores {
            let Some(score) = issues::add_answers(tx, issue, answers).await? else { continue };
            let Some(reason) = self.breaker.verdict(score) else { continue };
            // A relay that refuses so many may be wrong about all of them.
            bounces::discount_refusals(tx, issue).await?;
            let keys = lifting::suppressed_by(tx, issue, true).await?;
            let lifted = lifting::lift_addresses(tx, &keys).await?;
            if lifted != Lifted::default() {
                tracing::warn!(%issue, addresses = lifted.addresses, "lifted suppressions by refusals of a held issue");
            }
            if issues::advance(tx, issue, IssueStatus::Sending, IssueStatus::Held, Some(&reason), now).await?
            {
                notify_operators::issue_stopped(&self.queue, tx, issue, now).await?;
                tracing::error!(%issue, reason, "issue held");
            }
        }
        Ok(())
    }
}

/// Stores that a relay rejected addresses as nonexistent, and suppresses those that bounced before on another
/// day, and those whose mailbox took none of the latest issues.
async fn suppress_undeliverable(
    tx: &mut Tx,
    finishes: &[(IssueId, &Finish)],
    now: Timestamp,
) -> Result<(), DbError> {
    let undeliverable: Vec<RefusedAddress<'_>> = finishes
        .iter()
        .filter(|(_, finish)| status::is_bad_address(&finish.answer))
        .map(|(_, finish)| RefusedAddress { delivery: finish.id, address_key: &finish.address_key })
        .collect();
    if !undeliverable.is_empty() {
        bounces::insert_refusals(tx, &undeliverable, now).await?;
        let keys: Vec<String> = undeliverable.iter().map(|it| it.address_key.to_owned()).collect();
        undeliverable::suppress_bounced(tx, &keys, now).await?;
    }
    for (issue, finish) in finishes.iter().filter(|(_, finish)| is_mailbox_refusal(finish)) {
        let words = finish.answer.line();
        undeliverable::apply_soft(tx, &finish.address_key, Some(*issue), &words, now).await?;
    }
    Ok(())
}

/// Returns whether a relay gave a copy up because of its mailbox (X.2.x), such as one that is full.
fn is_mailbox_refusal(finish: &Finish) -> bool {
    matches!(finish.next, Next::End(DeliveryStatus::Failed))
        && finish.answer.enhanced.is_some_and(|it| it.subject() == 2)
        && !status::is_bad_address(&finish.answer)
}

/// Returns the outcome of an attempt, for monitoring.
fn outcome(finish: &Finish) -> Outcome {
    match finish.next {
        _ if finish.is_in_doubt() => Outcome::InDoubt,
        Next::End(DeliveryStatus::Sent) => Outcome::Sent,
        Next::End(DeliveryStatus::Failed) => Outcome::Failed,
        Next::End(_) => Outcome::Dropped,
        Next::Deferred(_) => Outcome::Deferred,
        Next::Again(_) => Outcome::RelayFailed,
    }
}

/// Returns whether an answer counts as a rejection; `None`: it doesn't count for the breaker. Relay failures say
/// nothing about a recipient. A relay that takes messages without an answer may be doing so with all of them.
fn is_rejection(finish: &Finish) -> Option<bool> {
    let code = finish.answer.code;
    if finish.is_in_doubt() {
        return Some(true);
    }
    match finish.next {
        Next::End(DeliveryStatus::Sent) => Some(false),
        Next::Deferred(_) => code.map(|_| false),
        // Without a code the relay was not even tried, as with a message that is too large for it.
        Next::End(DeliveryStatus::Failed) => Some(code.is_none_or(|code| code >= 500)),
        Next::End(_) | Next::Again(_) => None,
    }
}
