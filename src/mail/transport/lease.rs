//! Connection leases: permission to send over one connection to one relay.

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

/// Permission to send over one connection to one relay, from [`Mailer::lease`](super::Mailer::lease).
///
/// A lease is a lettre transport for raw messages. When it is dropped, a usable connection returns to the
/// pool for the next waiter. Any other connection is closed and its slot freed, including one in the middle
/// of a message.
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
    /// Whether the connection was opened for this lease and has carried nothing yet. Its failures are then
    /// the relay's.
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

    /// Returns the relay's index in the order of preference.
    pub fn relay(&self) -> usize {
        self.index
    }

    /// Sends a message only if `begin`, the fence, succeeds. A delivery begins only when it has a connection.
    /// If the fence refuses, returns its error, and nothing was sent.
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

    /// Sends one message. A pooled connection that has died of age is replaced once. Failures of the relay
    /// put it into backoff.
    ///
    /// If the future is dropped early, the message is in doubt, and the connection isn't used again.
    async fn send_raw(&self, envelope: &Envelope, message: &[u8]) -> SendResult {
        let result = match &self.route {
            Route::Direct(transport) => transport.send_raw(envelope, message).await,
            Route::Pooled(pooled) => pooled.lock().await.send(&self.relay, envelope, message).await,
        };
        match &result {
            Err(SendError::RelayFailure(answer) | SendError::InDoubt(answer)) => {
                self.relay.record_failure(answer);
            }
            // A rejection without a reply is our own and says nothing about the relay.
            result => {
                if answer_of(result).code.is_some() {
                    self.relay.record_success();
                }
            }
        }
        result
    }
}

impl Pooled {
    async fn send(&mut self, relay: &Relay, envelope: &Envelope, message: &[u8]) -> SendResult {
        let result = self.send_over_usable_connection(relay, envelope, message).await;
        self.used = Instant::now();
        result
    }

    async fn send_over_usable_connection(
        &mut self,
        relay: &Relay,
        envelope: &Envelope,
        message: &[u8],
    ) -> SendResult {
        let fresh = std::mem::take(&mut self.fresh);
        let slot = &mut self.slot;
        let too_old = self.used.elapsed() >= IDLE_LIMIT;
        if too_old
            || slot.connection().is_some_and(|connection| !connection.is_ready() || connection.is_spent())
        {
            slot.discard().await;
        }
        if let Some(pooled) = slot.connection() {
            let attempt = pooled.send(envelope, message).await;
            if fresh || !attempt.stale {
                return attempt.result;
            }
            let answer = answer_of(&attempt.result).line();
            tracing::debug!(relay = relay.name, answer, "replacing a stale connection");
            slot.discard().await;
        } else if let Some(failure) = relay.backoff() {
            return Err(SendError::RelayFailure(failure));
        }
        match self.connector.open().await {
            Ok(opened) => slot.put(opened).send(envelope, message).await.result,
            Err(answer) => Err(SendError::RelayFailure(answer)),
        }
    }
}
