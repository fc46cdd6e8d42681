//! A connection lease: the right to send over one connection to one relay.

use crate::{
    domain::delivery::status::Answer,
    mail::transport::{
        outcome::{RelayTransport, SendError, SendResult, answer_of},
        pool::{Connection as _, IDLE_LIMIT, Slot},
        relay::{Connector, Relay, RelayConnection},
    },
};
use async_trait::async_trait;
use lettre::{AsyncTransport, address::Envelope};
use std::sync::Arc;
use tokio::{sync::Mutex, time::Instant};

/// The right to send over one connection to one relay, from [`Mailer::lease`](super::Mailer::lease).
///
/// It is a lettre transport for raw messages. When it is dropped, a connection in good order goes back to the pool, and the
/// next waiter gets it. Any other is closed, and its slot is free. That holds in the middle of a message too: the connection
/// is then not in good order.
pub struct ConnectionLease {
    index: usize,
    relay: Arc<Relay>,
    route: Route,
}

enum Route {
    Direct(Arc<RelayTransport>),
    Pooled(Mutex<Pooled>),
}

struct Pooled {
    connector: Arc<Connector>,
    slot: Slot<RelayConnection>,
    /// The connection was opened for this lease and has carried nothing yet: its troubles are the relay's.
    fresh: bool,
    used: Instant,
}

impl ConnectionLease {
    pub(super) fn direct(index: usize, relay: Arc<Relay>, transport: Arc<RelayTransport>) -> Self {
        Self { index, relay, route: Route::Direct(transport) }
    }

    pub(super) fn pooled(
        index: usize,
        relay: Arc<Relay>,
        connector: Arc<Connector>,
        slot: Slot<RelayConnection>,
        fresh: bool,
    ) -> Self {
        let pooled = Pooled { connector, slot, fresh, used: Instant::now() };
        Self { index, relay, route: Route::Pooled(Mutex::new(pooled)) }
    }

    /// The relay's number in the order of preference, from 0.
    pub fn relay(&self) -> usize {
        self.index
    }

    /// Sends a message only if `begin`, the fence, lets it pass: a delivery begins when it holds a connection, not before.
    /// Returns the fence's refusal, if any, before a byte was sent.
    pub async fn send_gated<Refused>(
        &self,
        envelope: &Envelope,
        message: &[u8],
        begin: impl Future<Output = Result<(), Refused>>,
    ) -> Result<SendResult, Refused> {
        begin.await?;
        Ok(self.send_raw(envelope, message).await)
    }
}

#[async_trait]
impl AsyncTransport for ConnectionLease {
    type Ok = Answer;
    type Error = SendError;

    /// Sends one message. A kept connection that died of age is replaced once, which is no trouble of the message's. Trouble
    /// with the relay makes the relay rest.
    ///
    /// If the future is dropped before it is done, nothing is known about the message, and the connection isn't used again.
    async fn send_raw(&self, envelope: &Envelope, message: &[u8]) -> SendResult {
        let result = match &self.route {
            Route::Direct(transport) => transport.send_raw(envelope, message).await,
            Route::Pooled(pooled) => pooled.lock().await.send(&self.relay, envelope, message).await,
        };
        match &result {
            Err(SendError::RelayTrouble(answer) | SendError::InDoubt(answer)) => self.relay.trouble(answer),
            // A refusal without a reply is our own, and says nothing about the relay.
            result => {
                if answer_of(result).code.is_some() {
                    self.relay.well();
                }
            }
        }
        result
    }
}

impl Pooled {
    async fn send(&mut self, relay: &Relay, envelope: &Envelope, message: &[u8]) -> SendResult {
        let result = self.over_a_good_connection(relay, envelope, message).await;
        self.used = Instant::now();
        result
    }

    async fn over_a_good_connection(
        &mut self,
        relay: &Relay,
        envelope: &Envelope,
        message: &[u8],
    ) -> SendResult {
        let fresh = std::mem::take(&mut self.fresh);
        let slot = &mut self.slot;
        let too_old = self.used.elapsed() >= IDLE_LIMIT;
        if too_old || slot.connection().is_some_and(|it| !it.is_ready() || it.is_spent()) {
            slot.discard().await;
        }
        if let Some(kept) = slot.connection() {
            let attempt = kept.send(envelope, message).await;
            if fresh || !attempt.stale {
                return attempt.result;
            }
            let said = answer_of(&attempt.result).line();
            tracing::debug!(relay = relay.name, said, "a kept connection is replaced");
            slot.discard().await;
        } else if let Some(trouble) = relay.resting() {
            return Err(SendError::RelayTrouble(trouble));
        }
        match self.connector.open().await {
            Ok(opened) => slot.put(opened).send(envelope, message).await.result,
            Err(answer) => Err(SendError::RelayTrouble(answer)),
        }
    }
}
