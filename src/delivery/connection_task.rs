//! A connection task: builds, begins, sends and records one delivery after another.

use crate::{
    db::deliveries::{ClaimedDelivery, Finish, Next},
    delivery::{
        delivery_run::{DeliveryRun, StopReason},
        recorder::{BeginOutcome, PendingAnswer},
    },
    domain::delivery::{
        bounce_address::Returned,
        retry,
        status::{self, Answer, DeliveryStatus},
    },
    mail::{self, ConnectionLease, Priority, SendError, SendResult, answer_of},
    random,
};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// Runs until there are no more deliveries or the run ends, and all answers are recorded.
pub(super) async fn run(run: Arc<DeliveryRun>, queue: Arc<Mutex<mpsc::Receiver<ClaimedDelivery>>>) {
    let mut task = ConnectionTask { run: &run, message: Vec::new(), pending: None };
    loop {
        let next = async { queue.lock().await.recv().await };
        let delivery = tokio::select! {
            biased;
            () = run.stopped.cancelled() => break,
            delivery = next => delivery,
        };
        let Some(delivery) = delivery else { break };
        let done = task.deliver(delivery).await;
        run.finish_one();
        if let Err(reason) = done {
            run.stop(reason);
            break;
        }
    }
    task.flush().await;
}

struct ConnectionTask<'a> {
    run: &'a DeliveryRun,
    /// The buffer for messages, reused for each.
    message: Vec<u8>,
    /// The last answer, while it is being recorded.
    pending: Option<PendingAnswer>,
}

impl ConnectionTask<'_> {
    /// Delivers to one recipient. An error ends the whole run.
    async fn deliver(&mut self, delivery: ClaimedDelivery) -> Result<(), StopReason> {
        let run = self.run;
        let context = &run.context;
        if run.is_throttled(&delivery) {
            run.throttle(delivery);
            return Ok(());
        }
        let built = run.mailing.message(context, &delivery, &mut self.message);
        if let Err(error) = built {
            return self.fail(&delivery, &error.to_string()).await;
        }
        let lease = self.lease().await?;
        let copy = Returned::Copy { issue: run.mailing.issue.id, subscription: delivery.subscription_id };
        let sender = &run.mailing.newsletter.newsletter.sender_address;
        let sender = context.settings.sending.envelope_sender(&context.keys, copy, sender);
        let envelope = mail::envelope(&sender, &delivery.address);
        // No transaction is open during the SMTP session.
        let sent = lease.send_gated(&envelope, &self.message, self.begin(&delivery)).await;
        drop(lease);
        let outcome = match sent {
            Ok(outcome) => outcome,
            Err(refused) => return self.handle_refusal(&delivery, refused).await,
        };
        let domain = delivery.address.domain();
        context.throttle.record_sent(domain);
        if status::asks_to_slow_down(answer_of(&outcome))
            && let Err(error) = context.throttle.on_rejected(domain, answer_of(&outcome)).await
        {
            tracing::warn!(domain, %error, "throttling not recorded");
        }
        self.record(&delivery, &outcome).await
    }

    /// Waits for a permit and a connection.
    async fn lease(&self) -> Result<ConnectionLease, StopReason> {
        let context = &self.run.context;
        let leasing = async {
            if let Some(relay) = context.mailer.preferred() {
                context.throttle.acquire_permit(relay).await.map_err(|_| StopReason::NoDatabase)?;
            }
            context.mailer.lease(Priority::Bulk).await.map_err(|_| StopReason::NoRelay)
        };
        tokio::select! {
            biased;
            () = self.run.stopped.cancelled() => Err(StopReason::TimeUp),
            () = context.stop.cancelled() => Err(StopReason::TimeUp),
            lease = leasing => lease,
        }
    }

    /// The fence: a delivery is sent only if its begin succeeds.
    async fn begin(&self, delivery: &ClaimedDelivery) -> Result<(), BeginOutcome> {
        let run = self.run;
        match run.context.recorder.begin(run.mailing.issue.id, run.claim, delivery.id).await {
            BeginOutcome::Started => Ok(()),
            refused => Err(refused),
        }
    }

    /// Handles a delivery that the fence refused.
    async fn handle_refusal(
        &mut self,
        delivery: &ClaimedDelivery,
        refused: BeginOutcome,
    ) -> Result<(), StopReason> {
        match refused {
            BeginOutcome::Started | BeginOutcome::Skipped => Ok(()),
            BeginOutcome::Lost => Err(StopReason::Stopped),
            BeginOutcome::Unavailable => {
                // The begin may or may not be stored, but nothing was sent.
                let answer = Answer::new("", None, "the database failed before the message was sent");
                self.finish(delivery, Next::Again(self.run.context.clock.now()), answer).await?;
                Err(StopReason::NoDatabase)
            }
        }
    }

    /// Records that a message can't be composed.
    async fn fail(&mut self, delivery: &ClaimedDelivery, why: &str) -> Result<(), StopReason> {
        tracing::error!(delivery = %delivery.id, to = delivery.address.masked(), why, "message not composed");
        match self.begin(delivery).await {
            Ok(()) => {
                self.finish(delivery, Next::End(DeliveryStatus::Failed), Answer::new("", None, why)).await
            }
            Err(refused) => self.handle_refusal(delivery, refused).await,
        }
    }

    async fn record(&mut self, delivery: &ClaimedDelivery, outcome: &SendResult) -> Result<(), StopReason> {
        let run = self.run;
        let now = run.context.clock.now();
        let first_due = run.context.clock.adjusted(run.first_due.max(delivery.due_at.0));
        let next = next_step(
            outcome,
            delivery.attempts + 1,
            first_due,
            now,
            run.context.settings.sending.hold_uncertain() || delivery.doubts >= retry::MAX_REPEATS,
        );
        let (to, code) = (delivery.address.masked(), answer_of(outcome).code);
        tracing::debug!(delivery = %delivery.id, to, code, ?next, "delivery");
        self.finish(delivery, next, answer_of(outcome).clone()).await
    }

    async fn finish(
        &mut self,
        delivery: &ClaimedDelivery,
        next: Next,
        answer: Answer,
    ) -> Result<(), StopReason> {
        let run = self.run;
        // At most one answer is being recorded while the next message is sent.
        self.flush().await;
        let finish = Finish {
            id: delivery.id,
            claim: run.claim,
            address_key: delivery.address.key(),
            next,
            answer,
            at: run.context.clock.now(),
        };
        self.pending = Some(run.context.recorder.finish(run.mailing.issue.id, finish).await);
        Ok(())
    }

    /// Waits until the last answer is recorded.
    async fn flush(&mut self) {
        if let Some(answer) = self.pending.take() {
            // On an error the recorder's task is gone, and the answer with it. After the lease, the row is
            // recovered.
            let _recorder_is_gone = answer.await;
        }
    }
}

fn next_step(
    outcome: &SendResult,
    attempts: i64,
    first_due: Timestamp,
    now: Timestamp,
    hold_uncertain: bool,
) -> Next {
    match outcome {
        Ok(_) => Next::End(DeliveryStatus::Sent),
        Err(SendError::Failed(_)) => Next::End(DeliveryStatus::Failed),
        Err(SendError::InDoubt(_)) if hold_uncertain => Next::End(DeliveryStatus::Uncertain),
        // If in doubt, send again with the same Message-ID, but not at once: a duplicate is better than a
        // lost copy.
        Err(SendError::Deferred(_) | SendError::InDoubt(_)) => {
            match retry::next_attempt(attempts, first_due, now, random::fraction()) {
                Some(at) => Next::Deferred(at),
                None => Next::End(DeliveryStatus::Failed),
            }
        }
        Err(SendError::RelayFailure(_)) => Next::Again(now),
    }
}
