//! The journal: begins and answers of all deliveries of this process, committed in groups.
//!
//! A delivery is handed to a relay only after its begin is durable, so that a crash at any moment leaves a trace of it. One
//! transaction a mail would be slow; here one task takes whatever has gathered while the last transaction was being
//! committed, and the more lanes there are, the larger the groups become.

use super::notify_operators;
use crate::{
    clock::Clock,
    db::{
        Db, DbError,
        deliveries::{self, Finish, Next},
        issues, suppressions,
    },
    domain::{
        breaker::Breaker,
        delivery::{self, DeliveryStatus},
        ids::{ClaimId, DeliveryId, IssueId},
        issue::IssueStatus,
    },
    queue::Queue,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Records taken into one transaction at most.
const GROUP: usize = 512;
/// How long a small group waits for more.
const GATHER: Duration = Duration::from_millis(1);
/// Records that may wait: more than all lanes have at once.
const WAITING: usize = 4096;
/// A transaction that takes longer is given up and its answers are tried again.
const COMMIT_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait before answers that could not be kept are tried again; the last one repeats.
const AGAIN_AFTER: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// What beginning a delivery came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It is ours: hand it to a relay.
    Go,
    /// It is skipped, because the reader has unsubscribed or paused meanwhile.
    Skipped,
    /// The claim was lost, or the issue was stopped: send nothing.
    Lost,
    /// The database did not take it: send nothing.
    Unavailable,
}

/// Where begins and answers are written down. Cheap to clone; the task behind it ends with the last clone, after it has kept
/// every answer.
#[derive(Debug, Clone)]
pub struct Journal(mpsc::Sender<Entry>);

#[derive(Debug)]
enum Entry {
    Begin { issue: IssueId, claim: ClaimId, id: DeliveryId, reply: oneshot::Sender<Begin> },
    Finish(Answered),
}

#[derive(Debug)]
struct Answered {
    issue: IssueId,
    finish: Finish,
    kept: oneshot::Sender<()>,
}

/// Becomes ready when an answer is kept for good.
pub type Kept = oneshot::Receiver<()>;

impl Journal {
    /// Starts the journal's task.
    pub fn start(db: Db, clock: Clock, queue: Queue, breaker: Breaker) -> Self {
        let (sender, entries) = mpsc::channel(WAITING);
        tokio::spawn(Writer { db, clock, queue, breaker }.run(entries));
        Self(sender)
    }

    /// Begins a delivery: waits until that is durable, or refused.
    pub async fn begin(&self, issue: IssueId, claim: ClaimId, id: DeliveryId) -> Begin {
        let (reply, answer) = oneshot::channel();
        if self.0.send(Entry::Begin { issue, claim, id, reply }).await.is_err() {
            return Begin::Unavailable;
        }
        answer.await.unwrap_or(Begin::Unavailable)
    }

    /// Hands an answer over to be kept. It is tried until the database takes it.
    pub async fn finish(&self, issue: IssueId, finish: Finish) -> Kept {
        let (kept, receiver) = oneshot::channel();
        // The task lives as long as this handle, unless it panicked: then `kept` is dropped and the receiver says so.
        let _ = self.0.send(Entry::Finish(Answered { issue, finish, kept })).await;
        receiver
    }
}

struct Writer {
    db: Db,
    clock: Clock,
    queue: Queue,
    breaker: Breaker,
}

type BeginEntry = (IssueId, ClaimId, DeliveryId, oneshot::Sender<Begin>);

impl Writer {
    async fn run(self, mut entries: mpsc::Receiver<Entry>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut answers: Vec<Answered> = Vec::new();
        let mut failures = 0_usize;
        let mut usual = 0_usize;
        loop {
            if failures == 0 {
                if entries.recv_many(&mut group, GROUP).await == 0 {
                    return;
                }
                // A relay slower than we are answers lane by lane. A commit costs hardly more for many than for one, so a group that is
                // small beside what lately came together gets a moment to grow; a single lane never waits.
                if group.len() * 4 < usual {
                    tokio::time::sleep(GATHER).await;
                    while group.len() < GROUP
                        && let Ok(entry) = entries.try_recv()
                    {
                        group.push(entry);
                    }
                }
                usual = group.len().max(usual - usual.div_ceil(32));
            } else {
                // Answers wait for the database. New records are still heard, so that nobody hangs meanwhile.
                tokio::time::sleep(AGAIN_AFTER[(failures - 1).min(AGAIN_AFTER.len() - 1)]).await;
                while group.len() < GROUP
                    && let Ok(entry) = entries.try_recv()
                {
                    group.push(entry);
                }
            }
            let mut begins: Vec<BeginEntry> = Vec::new();
            for entry in group.drain(..) {
                match entry {
                    Entry::Begin { issue, claim, id, reply } => begins.push((issue, claim, id, reply)),
                    Entry::Finish(answered) => answers.push(answered),
                }
            }
            let committed = tokio::time::timeout(COMMIT_LIMIT, self.commit(&begins, &answers)).await;
            match committed.unwrap_or(Err(DbError::PoolTimedOut)) {
                Ok(outcome) => {
                    failures = 0;
                    for (_, _, id, reply) in begins {
                        let _ = reply.send(outcome.begin(id));
                    }
                    for answered in answers.drain(..) {
                        if !outcome.kept.contains(&answered.finish.id) {
                            let delivery = answered.finish.id;
                            tracing::warn!(%delivery, "an answer came after its lease was lost");
                        }
                        let _ = answered.kept.send(());
                    }
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, waiting = answers.len(), "the journal could not be written yet");
                    for (.., reply) in begins {
                        let _ = reply.send(Begin::Unavailable);
                    }
                    // Whether a failed commit was made after all is unknown; keeping an answer twice changes nothing.
                    if answers.is_empty() {
                        failures = 0;
                    }
                }
            }
        }
    }

    async fn commit(&self, begins: &[BeginEntry], answers: &[Answered]) -> Result<Outcome, DbError> {
        let now = self.clock.now();
        let mut outcome = Outcome::default();
        let mut tx = self.db.begin().await?;
        if !answers.is_empty() {
            let finishes: Vec<Finish> = answers.iter().map(|answered| answered.finish.clone()).collect();
            outcome.kept = deliveries::finish(&mut tx, &finishes).await?;
        }
        let mut by_claim: HashMap<(IssueId, ClaimId), Vec<DeliveryId>> = HashMap::new();
        for (issue, claim, id, _) in begins {
            by_claim.entry((*issue, *claim)).or_default().push(*id);
        }
        for ((issue, claim), ids) in by_claim {
            let begun = deliveries::begin(&mut tx, issue, claim, &ids, now).await?;
            outcome.go.extend(begun.go);
            outcome.skipped.extend(begun.skipped);
        }
        let kept = || answers.iter().filter(|answered| outcome.kept.contains(&answered.finish.id));
        let undeliverable: Vec<(DeliveryId, &str)> = kept()
            .filter(|answered| delivery::is_address_permanent(&answered.finish.answer))
            .map(|answered| (answered.finish.id, answered.finish.address_key.as_str()))
            .collect();
        if !undeliverable.is_empty() {
            suppressions::add_undeliverable(&mut tx, &undeliverable, now).await?;
        }
        let mut scores: BTreeMap<IssueId, (i64, i64)> = BTreeMap::new();
        for answered in kept() {
            let Some(refused) = counts_as(&answered.finish) else { continue };
            let score = scores.entry(answered.issue).or_default();
            score.0 += 1;
            score.1 += i64::from(refused);
        }
        // Last: on PostgreSQL the issue's row is held until the commit, and other processes want it, too.
        for (issue, (answered, refused)) in scores {
            let Some(score) = issues::add_answers(&mut tx, issue, answered, refused).await? else { continue };
            if let Some(reason) = self.breaker.verdict(score)
                && issues::advance(
                    &mut tx,
                    issue,
                    IssueStatus::Sending,
                    IssueStatus::Held,
                    Some(&reason),
                    now,
                )
                .await?
            {
                notify_operators::issue_stopped(&self.queue, &mut tx, issue, now).await?;
                tracing::error!(%issue, reason, "issue held");
            }
        }
        tx.commit().await?;
        Ok(outcome)
    }
}

/// What was committed.
#[derive(Default)]
struct Outcome {
    go: HashSet<DeliveryId>,
    skipped: HashSet<DeliveryId>,
    kept: HashSet<DeliveryId>,
}

impl Outcome {
    fn begin(&self, id: DeliveryId) -> Begin {
        if self.go.contains(&id) {
            Begin::Go
        } else if self.skipped.contains(&id) {
            Begin::Skipped
        } else {
            Begin::Lost
        }
    }
}

/// Whether an answer counts for the breaker, and if so, whether as a refusal. Relay trouble and doubts say nothing about a
/// reader.
fn counts_as(finish: &Finish) -> Option<bool> {
    let code = finish.answer.code;
    match finish.next {
        Next::End(DeliveryStatus::Sent) => Some(false),
        Next::Deferred(_) => code.map(|_| false),
        // Without a code it could not even be handed over, as when a relay takes no message of its size.
        Next::End(DeliveryStatus::Failed) => Some(code.is_none_or(|code| code >= 500)),
        Next::End(_) | Next::Again(_) => None,
    }
}
