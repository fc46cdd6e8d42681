//! A lane: takes deliveries one by one, builds each message, begins it, sends it and records the answer.

use crate::{
    db::deliveries::{ClaimedDelivery, Finish, Next},
    delivery::{
        delivery_run::{DeliveryRun, StopReason},
        recorder::{Begin, Kept},
    },
    domain::delivery::{
        retry,
        status::{self, Answer, DeliveryStatus},
    },
    mail::{self, ConnectionLease, Priority, SendError, SendResult, answer_of},
    random,
};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// Works until the feed or the turn ends, and until what it has sent is recorded.
pub(super) async fn run(turn: Arc<DeliveryRun>, feed: Arc<Mutex<mpsc::Receiver<ClaimedDelivery>>>) {
    let mut lane = ConnectionTask { turn: &turn, message: Vec::new(), kept: None };
    loop {
        let next = async { feed.lock().await.recv().await };
        let delivery = tokio::select! {
            biased;
            () = turn.ended.cancelled() => break,
            delivery = next => delivery,
        };
        let Some(delivery) = delivery else { break };
        let done = lane.deliver(delivery).await;
        turn.finish_one();
        if let Err(end) = done {
            turn.end(end);
            break;
        }
    }
    lane.settle().await;
}

struct ConnectionTask<'a> {
    turn: &'a DeliveryRun,
    /// The message being built; its memory is used again and again.
    message: Vec<u8>,
    /// The last answer, on its way to the database.
    kept: Option<Kept>,
}

impl ConnectionTask<'_> {
    /// Delivers to one reader. An error ends the whole turn.
    async fn deliver(&mut self, delivery: ClaimedDelivery) -> Result<(), StopReason> {
        let turn = self.turn;
        let context = &turn.context;
        if turn.is_slow(&delivery) {
            turn.park(delivery);
            return Ok(());
        }
        let built = turn.mailing.message(context, &delivery, &mut self.message);
        if let Err(error) = built {
            return self.fail(&delivery, &error.to_string()).await;
        }
        let lease = self.lease().await?;
        let sender = &turn.mailing.newsletter.newsletter.sender_address;
        let envelope = mail::envelope(sender, &delivery.address);
        // No transaction is open while talking to the relay.
        let sent = lease.send_gated(&envelope, &self.message, self.begin(&delivery)).await;
        drop(lease);
        let outcome = match sent {
            Ok(outcome) => outcome,
            Err(refused) => return self.not_begun(&delivery, refused).await,
        };
        let domain = delivery.address.domain();
        context.throttle.heard(domain);
        if status::asks_to_slow_down(answer_of(&outcome))
            && let Err(error) = context.throttle.complaint(domain, answer_of(&outcome)).await
        {
            tracing::warn!(domain, %error, "a domain's wish for a slower pace could not be kept");
        }
        self.record(&delivery, &outcome).await
    }

    /// A connection that may be used now.
    async fn lease(&self) -> Result<ConnectionLease, StopReason> {
        let context = &self.turn.context;
        let getting = async {
            if let Some(relay) = context.mailer.preferred() {
                context.throttle.permit(relay).await.map_err(|_| StopReason::NoDatabase)?;
            }
            context.mailer.lease(Priority::Bulk).await.map_err(|_| StopReason::NoRelay)
        };
        tokio::select! {
            biased;
            () = self.turn.ended.cancelled() => Err(StopReason::Full),
            () = context.stop.cancelled() => Err(StopReason::Full),
            lease = getting => lease,
        }
    }

    /// The fence: a delivery that it refuses is not sent.
    async fn begin(&self, delivery: &ClaimedDelivery) -> Result<(), Begin> {
        let turn = self.turn;
        match turn.context.recorder.begin(turn.mailing.issue.id, turn.claim, delivery.id).await {
            Begin::Go => Ok(()),
            refused => Err(refused),
        }
    }

    /// Handles a delivery that the fence refused.
    async fn not_begun(&mut self, delivery: &ClaimedDelivery, refused: Begin) -> Result<(), StopReason> {
        match refused {
            Begin::Go | Begin::Skipped => Ok(()),
            Begin::Lost => Err(StopReason::Stopped),
            Begin::Unavailable => {
                // Whether it was begun after all is unknown. It was certainly not sent.
                let answer = Answer::new("", None, "the database failed before it was sent");
                self.finish(delivery, Next::Again(self.turn.context.clock.now()), answer).await?;
                Err(StopReason::NoDatabase)
            }
        }
    }

    /// Records a message that can't be built.
    async fn fail(&mut self, delivery: &ClaimedDelivery, why: &str) -> Result<(), StopReason> {
        tracing::error!(delivery = %delivery.id, to = delivery.address.masked(), why, "a message can't be made");
        match self.begin(delivery).await {
            Ok(()) => {
                self.finish(delivery, Next::End(DeliveryStatus::Failed), Answer::new("", None, why)).await
            }
            Err(refused) => self.not_begun(delivery, refused).await,
        }
    }

    async fn record(&mut self, delivery: &ClaimedDelivery, outcome: &SendResult) -> Result<(), StopReason> {
        let turn = self.turn;
        let now = turn.context.clock.now();
        let first_due = turn.first_due.max(delivery.due_at.0);
        let next = next(
            outcome,
            delivery.attempts + 1,
            first_due,
            now,
            turn.context.settings.sending.hold_uncertain(),
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
        let turn = self.turn;
        // One answer may be on its way while the next message is sent, not more.
        self.settle().await;
        let finish = Finish {
            id: delivery.id,
            claim: turn.claim,
            address_key: delivery.address.key(),
            next,
            answer,
            at: turn.context.clock.now(),
        };
        self.kept = Some(turn.context.recorder.finish(turn.mailing.issue.id, finish).await);
        Ok(())
    }

    /// Waits until the last answer is kept.
    async fn settle(&mut self) {
        if let Some(kept) = self.kept.take() {
            // An error means that the recorder's task is gone, and the answer with it. The lease will bring the row up again.
            let _recorder_is_gone = kept.await;
        }
    }
}

fn next(
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
        // In doubt: a second copy with the same Message-ID is better than none, but not at once.
        Err(SendError::Deferred(_) | SendError::InDoubt(_)) => {
            match retry::next_attempt(attempts, first_due, now, random::fraction()) {
                Some(at) => Next::Deferred(at),
                None => Next::End(DeliveryStatus::Failed),
            }
        }
        Err(SendError::RelayTrouble(_)) => Next::Again(now),
    }
}
