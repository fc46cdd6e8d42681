//! The recorder of single emails: their begins and answers, many in one transaction.
//!
//! An email is handed to a relay only after its begin is durable, and its job sends the next one only after the answer is. So a crash
//! leaves only those emails in doubt that were on their way.

use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        deliveries::emails::{self, EmailRecord},
        engine::group_commit::{Answers, BatchHandler, GroupCommit},
    },
    domain::{
        delivery::{email::EmailStatus, retry},
        ids::EmailId,
    },
    mail::{SendError, SendResult, answer_of},
    queue::{Job, Queue},
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// Records begins and answers of single emails. Cheap to clone. The task behind it ends after the last clone is gone and every answer is kept.
#[derive(Debug, Clone)]
pub struct EmailRecorder(GroupCommit<RecordHandler>);

impl EmailRecorder {
    /// Starts the recorder's task. An email that was begun is its worker's until the lease ends.
    pub fn start(db: Db, clock: Clock, queue: Queue, lease: SignedDuration) -> Self {
        Self(GroupCommit::start(RecordHandler { db, clock, queue, lease }))
    }

    /// Begins an email. Returns `None` if it is not due, done already, or another worker's.
    pub(crate) async fn begin(&self, mail: EmailId) -> Result<Option<EmailRecord>, DbError> {
        self.0.request(Record::Begin(mail)).await
    }

    /// Records the outcome of an email and what comes next. Returns once that is durable: it is tried until the database takes it, so that a
    /// database outage leaves no sent email in doubt.
    pub(crate) async fn finish(self, mail: EmailRecord, outcome: SendResult) {
        let kept = self.0.submit(Record::Finish(Box::new((mail, outcome)))).await;
        // An error means that the recorder's task is gone, and the answer with it. The lease will bring the row up again.
        let _recorder_is_gone = kept.await;
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
}

impl BatchHandler for RecordHandler {
    type Request = Record;
    /// The email that was begun; `None` for an answer.
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
        let mut answers = Vec::with_capacity(batch.len());
        for record in batch {
            answers.push(Ok(match record {
                // Of two begins of one email, one gets it.
                Record::Begin(mail) => begun.remove(mail),
                Record::Finish(finished) => {
                    let (mail, outcome) = finished.as_ref();
                    self.finish(&mut tx, mail, outcome, now).await?;
                    None
                }
            }));
        }
        tx.commit().await?;
        Ok(answers)
    }
}

impl RecordHandler {
    async fn finish(
        &self,
        tx: &mut Tx,
        mail: &EmailRecord,
        outcome: &SendResult,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let answer = answer_of(outcome);
        let first_due = mail.created_at.0;
        let next = match outcome {
            Ok(_) | Err(SendError::Failed(_)) => None,
            _ if now.duration_since(first_due) >= retry::GIVE_UP_AFTER => None,
            // In doubt: a second copy with the same Message-ID is better than none, but not at once.
            Err(SendError::Deferred(_) | SendError::InDoubt(_)) => {
                retry::next_attempt(mail.attempts - mail.relay_waits, first_due, now, random::fraction())
            }
            Err(SendError::RelayTrouble(_)) => Some(now + retry::relay_wait(now.duration_since(first_due))),
        };
        let kept = match next {
            None => {
                let sent = outcome.is_ok();
                let status = if sent { EmailStatus::Sent } else { EmailStatus::Failed };
                emails::finish(tx, mail.attempt(), status, answer, now).await?
            }
            Some(at) => {
                let counts = !matches!(outcome, Err(SendError::RelayTrouble(_)));
                let kept = emails::postpone(tx, mail.attempt(), answer, at, counts).await?;
                self.queue.enqueue_at(tx, &Job::SendMails { mails: vec![mail.id] }, at).await?;
                kept
            }
        };
        if !kept {
            tracing::warn!(mail = %mail.id, "an answer came after its lease was lost");
        }
        Ok(())
    }
}
