//! The mailer: relays in order of preference, and leases on connections to them.

use crate::{
    clock::Clock,
    domain::delivery::{
        relay::{RelayAnswer, RelayFault},
        status::Answer,
    },
    mail::transport::{
        lease::ConnectionLease,
        outcome::{SendError, SendResult},
        pool::Priority,
        relay::{Relay, Route},
        smtp::Timeouts,
    },
    settings::{self, Sending},
};
use async_trait::async_trait;
use lettre::{AsyncTransport, address::Envelope};
use std::{sync::Arc, time::Duration};

/// Reasons why a configured relay is rejected.
#[derive(Debug, thiserror::Error)]
#[error("relays.{index}: {problem}")]
pub struct MailerError {
    index: usize,
    problem: String,
}

impl MailerError {
    pub(super) fn new(index: usize, problem: String) -> Self {
        Self { index, problem }
    }
}

/// Hands messages to relays. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Mailer(Arc<Shared>);

struct Shared {
    relays: Vec<Arc<Relay>>,
    timeouts: Timeouts,
}

/// Maximum time for closing all connections.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

impl Mailer {
    /// Validates the relays' names and certificates, without connecting.
    pub fn new(relays: &[settings::Relay], sending: &Sending, clock: Clock) -> Result<Self, MailerError> {
        let timeouts = Timeouts { step: sending.timeout(), answer: sending.answer_timeout() };
        let relays = relays.iter().enumerate().map(|(index, relay)| {
            Relay::new(index, relay, &sending.hello_name, timeouts, &clock).map(Arc::new)
        });
        let relays = relays.collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Shared { relays, timeouts })))
    }

    /// Waits for a lease on the first relay that isn't in backoff: an open connection, or a new one if this
    /// process may open one more. Single emails go before bulk. When a relay goes into backoff, its waiters
    /// move on to the next relay.
    ///
    /// Dropping the future at any point takes nothing from other waiters.
    ///
    /// # Errors
    /// Returns the last failure if no relay can be reached.
    pub async fn lease(&self, priority: Priority) -> Result<ConnectionLease, Answer> {
        let mut last = None;
        for (index, relay) in self.0.relays.iter().enumerate() {
            if let Some(failure) = relay.backoff() {
                last.get_or_insert(failure);
                continue;
            }
            let connector = match &relay.route {
                Route::Mailbox(mailbox) => {
                    return Ok(ConnectionLease::direct(index, relay.clone(), mailbox.clone()));
                }
                Route::Pooled(connector) => connector,
            };
            // The relay may go into backoff while we wait, and the backoff may be over by now.
            let Some(mut slot) = connector.pool.acquire(priority).await else {
                last = relay.backoff().or(last);
                continue;
            };
            let fresh = slot.connection().is_none();
            if fresh {
                if let Some(failure) = relay.backoff() {
                    last.get_or_insert(failure);
                    continue;
                }
                match connector.open().await {
                    Ok(opened) => {
                        slot.put(opened);
                    }
                    Err(answer) => {
                        relay.record_failure(&answer);
                        last = Some(answer);
                        continue;
                    }
                }
            }
            return Ok(ConnectionLease::pooled(index, relay.clone(), connector.clone(), slot, fresh));
        }
        let name = self.0.relays.first().map_or("", |relay| relay.name.as_str());
        Err(last.unwrap_or_else(|| Answer::new(name, None, "no relay was available")))
    }

    /// Returns the first relay that isn't in backoff: the one that [`Self::lease`] waits for.
    pub fn preferred(&self) -> Option<usize> {
        self.0.relays.iter().position(|relay| relay.backoff().is_none())
    }

    /// Returns whether a relay is not in backoff after a failure.
    pub fn is_up(&self, relay: usize) -> bool {
        self.0.relays.get(relay).is_some_and(|relay| relay.backoff().is_none())
    }

    /// Sets how many connections to a relay this process may open; initially the configured number. Surplus
    /// idle connections are closed at once, others when they are returned. With 0, leases wait. Has no effect
    /// on a mailbox or a relay that doesn't exist.
    pub fn allow(&self, relay: usize, connections: usize) {
        if let Some(Route::Pooled(connector)) = self.0.relays.get(relay).map(|relay| &relay.route) {
            connector.pool.allow(connections);
        }
    }

    /// Returns the number of connections to a relay: in use, idle, opening or closing. 0 for a mailbox.
    pub fn open_connections(&self, relay: usize) -> usize {
        match self.0.relays.get(relay).map(|relay| &relay.route) {
            Some(Route::Pooled(connector)) => connector.pool.open(),
            _ => 0,
        }
    }

    /// Returns the relays' URLs in order of preference, without credentials.
    pub fn relay_names(&self) -> Vec<String> {
        self.0.relays.iter().map(|relay| relay.name.clone()).collect()
    }

    /// Returns the maximum time that sending over a lease can take, whatever the relay does. [`Self::lease`]
    /// has no such limit.
    pub fn longest_send(&self) -> Duration {
        self.0.timeouts.longest_send()
    }

    /// Returns the maximum time that opening a connection can take. [`Self::lease`] opens at most one per
    /// relay.
    pub fn longest_opening(&self) -> Duration {
        self.0.timeouts.longest_opening()
    }

    /// Tries all relays at the same time, each for at most `limit`: connect, greet, encrypt, authenticate. Returns the
    /// results in order of preference.
    pub async fn check(&self, limit: Option<Duration>) -> Vec<(String, RelayAnswer)> {
        let check = async |relay: &Relay| {
            let result = match limit {
                None => relay.check().await,
                Some(limit) => tokio::time::timeout(limit, relay.check()).await.unwrap_or_else(|_| {
                    Err(RelayFault::silent(format!("no answer within {} s", limit.as_secs())))
                }),
            };
            (relay.name.clone(), result)
        };
        futures_util::future::join_all(self.0.relays.iter().map(|relay| check(relay))).await
    }

    /// Closes all idle connections with QUIT, within two seconds.
    pub async fn close(&self) {
        let pools = self.0.relays.iter().filter_map(|relay| match &relay.route {
            Route::Pooled(connector) => Some(connector.pool.close_idle()),
            Route::Mailbox(_) => None,
        });
        // After the timeout, the connections are dropped.
        let _ = tokio::time::timeout(CLOSE_LIMIT, futures_util::future::join_all(pools)).await;
    }
}

/// The transport for single emails: the first relay that accepts them.
#[async_trait]
impl AsyncTransport for Mailer {
    type Ok = Answer;
    type Error = SendError;

    /// Sends a message over the first relay that accepts it. When a relay fails, the next one is tried. A
    /// lease is awaited for at most [`Self::longest_opening`], so each relay takes at most that plus
    /// [`Self::longest_send`].
    async fn send_raw(&self, envelope: &Envelope, message: &[u8]) -> SendResult {
        let mut failure = None;
        for _ in &self.0.relays {
            // Abandoning a lease while waiting is safe; abandoning it while sending would leave the message
            // in doubt.
            let lease = tokio::time::timeout(self.longest_opening(), self.lease(Priority::Single)).await;
            let result = match lease {
                Ok(Ok(lease)) => lease.send_raw(envelope, message).await,
                Ok(Err(answer)) => return Err(SendError::RelayFailure(failure.unwrap_or(answer))),
                Err(_) => {
                    let none = || Answer::new("", None, "no connection to a relay was free in time");
                    return Err(SendError::RelayFailure(failure.unwrap_or_else(none)));
                }
            };
            match result {
                Err(SendError::RelayFailure(answer)) => failure = Some(answer),
                result => return result,
            }
        }
        Err(SendError::RelayFailure(
            failure.unwrap_or_else(|| Answer::new("", None, "no relay is configured")),
        ))
    }
}

#[cfg(test)]
#[path = "mailer_tests.rs"]
mod tests;
