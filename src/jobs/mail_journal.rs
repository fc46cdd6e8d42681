//! The journal of single mails: their begins and answers, committed in groups. A mail is handed to a relay only after its begin is
//! durable, and the next one of its job only after its answer is: so a crash leaves at most those in doubt that were on their way.

use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        groups::{Groups, Work},
        mails::{self, MailRecord},
    },
    domain::{ids::MailId, mail::MailStatus, retry},
    mail::{SendError, SendResult, answer_of},
    queue::{Job, Queue},
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// How long to wait before keeping an answer is tried again; then the last pause, again and again.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Where begins and answers of single mails are written down. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MailJournal(Groups<Writer>);

struct Writer {
    db: Db,
    clock: Clock,
    queue: Queue,
    lease: SignedDuration,
}

enum Entry {
    Begin(MailId),
    Finish(Arc<MailRecord>, Arc<SendResult>),
}

impl MailJournal {
    /// Starts the journal's task. A mail that was begun is the beginner's for the length of a lease.
    pub fn start(db: Db, clock: Clock, queue: Queue, lease: SignedDuration) -> Self {
        Self(Groups::start(Writer { db, clock, queue, lease }))
    }

    /// Begins a mail. `None`: it is not due, done, or another's.
    pub(super) async fn begin(&self, mail: MailId) -> Result<Option<MailRecord>, DbError> {
        self.0.ask(Entry::Begin(mail)).await
    }

    /// Keeps what came of a mail, and what comes next. It is tried until the database takes it: a database that fails for a while must
    /// not make a mail that was sent one in doubt.
    pub(super) async fn finish(self, mail: MailRecord, outcome: SendResult) {
        let (mail, outcome) = (Arc::new(mail), Arc::new(outcome));
        let mut pauses = AGAIN_AFTER.into_iter();
        loop {
            let kept = self.0.ask(Entry::Finish(mail.clone(), outcome.clone())).await;
            let Err(error) = kept else { return };
            tracing::warn!(mail = %mail.id, %error, "an answer could not be kept yet");
            tokio::time::sleep(pauses.next().unwrap_or(LAST_PAUSE)).await;
        }
    }
}

impl Work for Writer {
    type Asked = Entry;
    type Answer = Option<MailRecord>;
    type Refusal = DbError;

    async fn commit(&self, group: &[Entry]) -> Result<Vec<Result<Option<MailRecord>, DbError>>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.begin_shared().await?;
        let begins: Vec<MailId> = group
            .iter()
            .filter_map(|entry| match entry {
                Entry::Begin(mail) => Some(*mail),
                Entry::Finish(..) => None,
            })
            .collect();
        let begun = mails::begin(&mut tx, &begins, now, now + self.lease).await?;
        let mut begun: HashMap<MailId, MailRecord> = begun.into_iter().map(|mail| (mail.id, mail)).collect();
        let mut answers = Vec::with_capacity(group.len());
        for entry in group {
            answers.push(Ok(match entry {
                // Of two begins of one mail, one gets it.
                Entry::Begin(mail) => begun.remove(mail),
                Entry::Finish(mail, outcome) => {
                    self.finish(&mut tx, mail, outcome, now).await?;
                    None
                }
            }));
        }
        tx.commit().await?;
        Ok(answers)
    }
}

impl Writer {
    async fn finish(
        &self,
        tx: &mut Tx,
        mail: &MailRecord,
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
                let status = if sent { MailStatus::Sent } else { MailStatus::Failed };
                mails::finish(tx, mail.attempt(), status, answer, now).await?
            }
            Some(at) => {
                let counts = !matches!(outcome, Err(SendError::RelayTrouble(_)));
                let kept = mails::postpone(tx, mail.attempt(), answer, at, counts).await?;
                self.queue.enqueue_at(tx, &Job::SendMail { mail: mail.id }, at).await?;
                kept
            }
        };
        if !kept {
            tracing::warn!(mail = %mail.id, "an answer came after its lease was lost");
        }
        Ok(())
    }
}
