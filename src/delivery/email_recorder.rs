//! Records begins and answers of single emails, many in one transaction.
//!
//! An email is handed to a relay only after its begin is durable, and its job sends the next one only after
//! the answer is. So a crash leaves only emails in doubt that were in flight.

use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        bounces::{self, NewBounce},
        deliveries::emails::{self, EmailEnd, EmailRecord},
        engine::group_commit::{Answers, BatchHandler, GroupCommit},
        undeliverable,
    },
    domain::{
        delivery::{
            email::EmailStatus,
            incoming::IncomingKind,
            retry,
            status::{self, Answer},
        },
        ids::EmailId,
    },
    mail::{SendError, SendResult, answer_of},
    metrics::{Metrics, Outcome},
    queue::{Job, Queue},
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};

/// Records begins and answers of single emails. Cheap to clone. Its task ends after the last clone is dropped
/// and all answers are stored.
#[derive(Debug, Clone)]
pub struct EmailRecorder(GroupCommit<RecordHandler>);

impl EmailRecorder {
    /// Starts the recorder's task. `lease` is how long a begun email belongs to its worker.
    pub fn start(db: Db, clock: Clock, queue: Queue, lease: SignedDuration, metrics: Metrics) -> Self {
        Self(GroupCommit::start(RecordHandler { db, clock, queue, lease, metrics }))
    }

    /// Begins an email. Returns `None` if it is not due, is finished, or belongs to another worker.
    pub(crate) async fn begin(&self, mail: EmailId) -> Result<Option<EmailRecord>, DbError> {
        self.0.request(Record::Begin(mail)).await
    }

    /// Records the outcome of an email and the next attempt, if any. Returns once that is durable. It is
    /// retried during a database outage, so that no sent email is left in doubt.
    pub(crate) async fn finish(self, mail: EmailRecord, outcome: SendResult) {
        let recorded = self.0.submit(Record::Finish(Box::new((mail, outcome)))).await;
        // On an error the recorder's task is gone, and the answer with it. After the lease, the row is
        // recovered.
        let _recorder_is_gone = recorded.await;
    }
}

enum Record {
    Begin(EmailId),
    Finish(Box<(EmailRecord, SendResult)>),
}

struct RecordHandler {
    db: Db,
    clock: Clock,
    queue: Queue,
    lease: SignedDuration,
    metrics: Metrics,
}

impl BatchHandler for RecordHandler {
    type Request = Record;
    /// The begun email; `None` for an answer.
    type Answer = Option<EmailRecord>;
    type Error = DbError;

    fn must_not_be_lost(record: &Record) -> bool {
        matches!(record, Record::Finish(_))
    }

    async fn commit(&self, batch: &[Record]) -> Result<Answers<Self>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.begin_with_lock_timeout().await?;
        let begins: Vec<EmailId> = batch
            .iter()
            .filter_map(|record| match record {
                Record::Begin(mail) => Some(*mail),
                Record::Finish(_) => None,
            })
            .collect();
        let begun = emails::begin(&mut tx, &begins, now, now + self.lease).await?;
        let mut begun: HashMap<EmailId, EmailRecord> =
            begun.into_iter().map(|mail| (mail.id, mail)).collect();
        self.finish_all(&mut tx, batch, now).await?;
        let answer = |record: &Record| match record {
            // Two begins of the same email: only one gets it.
            Record::Begin(mail) => begun.remove(mail),
            Record::Finish(_) => None,
        };
        let answers = batch.iter().map(answer).map(Ok).collect();
        tx.commit().await?;
        for record in batch {
            if let Record::Finish(finished) = record {
                let (mail, outcome) = finished.as_ref();
                self.metrics.count_email(mail.kind.as_str(), counted(outcome));
            }
        }
        Ok(answers)
    }
}

impl RecordHandler {
    /// Records the answers of a batch. Emails that are done share one statement.
    async fn finish_all(&self, tx: &mut Tx, batch: &[Record], now: Timestamp) -> Result<(), DbError> {
        let (mut ends, mut recorded) = (Vec::new(), HashSet::new());
        let finished = || {
            batch.iter().filter_map(|record| match record {
                Record::Begin(_) => None,
                Record::Finish(finished) => Some(finished.as_ref()),
            })
        };
        for (mail, outcome) in finished() {
            let answer = answer_of(outcome);
            let Some(at) = self.next_attempt(mail, outcome, now) else {
                let status = if outcome.is_ok() { EmailStatus::Sent } else { EmailStatus::Failed };
                ends.push(EmailEnd { attempt: mail.attempt(), status, answer });
                continue;
            };
            let counts = !matches!(outcome, Err(SendError::RelayFailure(_)));
            if emails::postpone(tx, mail.attempt(), answer, at, counts).await? {
                recorded.insert(mail.id);
            }
            self.queue.enqueue_at(tx, &Job::SendEmails { emails: vec![mail.id] }, at).await?;
        }
        recorded.extend(emails::finish_all(tx, &ends, now).await?);
        for (mail, outcome) in finished() {
            let is_recorded = recorded.contains(&mail.id);
            if let Err(SendError::Failed(answer)) = outcome
                && is_recorded
                && status::is_bad_address(answer)
            {
                bounce(tx, mail, answer, now).await?;
            }
            if !is_recorded {
                tracing::warn!(mail = %mail.id, "an answer came after its lease was lost");
            }
        }
        Ok(())
    }

    /// Returns when an email is tried again. `None`: it is done.
    fn next_attempt(&self, mail: &EmailRecord, outcome: &SendResult, now: Timestamp) -> Option<Timestamp> {
        let first_due = self.clock.adjusted(mail.created_at.0);
        match outcome {
            Ok(_) | Err(SendError::Failed(_)) => None,
            _ if now.duration_since(first_due) >= retry::GIVE_UP_AFTER => None,
            Err(SendError::InDoubt(_)) if mail.attempts - mail.relay_waits > retry::MAX_REPEATS => None,
            // If in doubt, send again with the same Message-ID, but not at once: a duplicate is better than a
            // lost email.
            Err(SendError::Deferred(_) | SendError::InDoubt(_)) => {
                retry::next_attempt(mail.attempts - mail.relay_waits, first_due, now, random::fraction())
            }
            Err(SendError::RelayFailure(_)) => Some(now + retry::relay_wait(now.duration_since(first_due))),
        }
    }
}

/// Returns the outcome of an attempt, for monitoring.
const fn counted(outcome: &SendResult) -> Outcome {
    match outcome {
        Ok(_) => Outcome::Sent,
        Err(SendError::Deferred(_)) => Outcome::Deferred,
        Err(SendError::Failed(_)) => Outcome::Failed,
        Err(SendError::RelayFailure(_)) => Outcome::RelayFailed,
        Err(SendError::InDoubt(_)) => Outcome::InDoubt,
    }
}

/// Stores that a relay rejected the address of a single email as nonexistent.
async fn bounce(tx: &mut Tx, mail: &EmailRecord, answer: &Answer, now: Timestamp) -> Result<(), DbError> {
    let email = bounces::single(tx, mail).await?;
    let bounce = NewBounce {
        source: "relay",
        kind: IncomingKind::Hard,
        ineffective: None,
        email: &email,
        reply_code: answer.code.map(i64::from),
        enhanced_code: answer.enhanced.map(|it| it.to_string()),
        diagnostic: &answer.text,
        reporting_mta: None,
    };
    if email.subscriber.is_some() && bounces::insert(tx, &bounce, now).await? {
        undeliverable::apply_hard(tx, &email, now).await?;
    }
    Ok(())
}
