//! The mailer: relays in order of preference, and connection leases to them.

use crate::{
    clock::Clock,
    domain::delivery::status::Answer,
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

/// Why the mailer can't work with a relay as configured.
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

/// Longest time for saying goodbye to all relays.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

impl Mailer {
    /// Checks the relays' names and certificates; connects to none yet.
    pub fn new(relays: &[settings::Relay], sending: &Sending, clock: Clock) -> Result<Self, MailerError> {
        let timeouts = Timeouts { step: sending.timeout(), answer: sending.answer_timeout() };
        let relays = relays.iter().enumerate().map(|(index, relay)| {
            Relay::new(index, relay, &sending.hello_name, timeouts, &clock).map(Arc::new)
        });
        let relays = relays.collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Shared { relays, timeouts })))
    }

    /// Waits for a lease of the first relay that isn't resting: over a kept connection, or a new one if this process may
    /// open one more. Single emails go before bulk. Waiters leave a relay that begins to rest.
    ///
    /// Dropping the future, at any point, takes nothing from other waiters.
    ///
    /// # Errors
    /// No relay can be reached at the moment: the last trouble.
    pub async fn lease(&self, priority: Priority) -> Result<ConnectionLease, Answer> {
        let mut last = None;
        for (index, relay) in self.0.relays.iter().enumerate() {
            if let Some(trouble) = relay.resting() {
                last.get_or_insert(trouble);
                continue;
            }
            let connector = match &relay.route {
                Route::Mailbox(mailbox) => {
                    return Ok(ConnectionLease::direct(index, relay.clone(), mailbox.clone()));
                }
                Route::Pooled(connector) => connector,
            };
            // It may begin to rest while we wait, and end before we are told.
            let Some(mut slot) = connector.pool.acquire(priority).await else {
                last = relay.resting().or(last);
                continue;
            };
            let fresh = slot.connection().is_none();
            if fresh {
                if let Some(trouble) = relay.resting() {
                    last.get_or_insert(trouble);
                    continue;
                }
                match connector.open().await {
                    Ok(opened) => {
                        slot.put(opened);
                    }
                    Err(answer) => {
                        relay.trouble(&answer);
                        last = Some(answer);
                        continue;
                    }
                }
            }
            return Ok(ConnectionLease::pooled(index, relay.clone(), connector.clone(), slot, fresh));
        }
        let name = self.0.relays.first().map_or("", |relay| relay.name.as_str());
        Err(last.unwrap_or_else(|| Answer::new(name, None, "no relay could be tried")))
    }

    /// Returns the first relay that isn't resting: the one whose connections [`Self::lease`] waits for.
    pub fn preferred(&self) -> Option<usize> {
        self.0.relays.iter().position(|relay| relay.resting().is_none())
    }

    /// Sets how many connections this process may have open to a relay; at first as many as are configured. Surplus ones
    /// are closed when they come back, idle surplus ones at once. With 0, leases wait. Has no effect on a mailbox or a
    /// relay that doesn't exist.
    pub fn allow(&self, relay: usize, connections: usize) {
        if let Some(Route::Pooled(connector)) = self.0.relays.get(relay).map(|relay| &relay.route) {
            connector.pool.allow(connections);
        }
    }

    /// Returns the number of connections to a relay: in use, idle, being opened or closed. A mailbox has none.
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

    /// Returns the longest time that sending over a lease can take, whatever the relay does. [`Self::lease`] has no such
    /// limit.
    pub fn longest_send(&self) -> Duration {
        self.0.timeouts.longest_send()
    }

    /// Returns the longest time that opening a connection can take. [`Self::lease`] opens at most one per relay.
    pub fn longest_opening(&self) -> Duration {
        self.0.timeouts.longest_opening()
    }

    /// Tries each relay: connect, greet, protect, authenticate. Returns the results in order.
    pub async fn check(&self) -> Vec<(String, Result<(), String>)> {
        let mut results = Vec::new();
        for relay in &self.0.relays {
            results.push((relay.name.clone(), relay.check().await));
        }
        results
    }

    /// Says goodbye on all idle connections, within two seconds.
    pub async fn close(&self) {
        let pools = self.0.relays.iter().filter_map(|relay| match &relay.route {
            Route::Pooled(connector) => Some(connector.pool.close_idle()),
            Route::Mailbox(_) => None,
        });
        // In time or not, they are gone.
        let _ = tokio::time::timeout(CLOSE_LIMIT, futures_util::future::join_all(pools)).await;
    }
}

/// The transport for single emails: whichever relay takes them.
#[async_trait]
impl AsyncTransport for Mailer {
    type Ok = Answer;
    type Error = SendError;

    /// Sends a message over the first relay that takes it; after trouble with one, the next is tried. Waits for a lease no
    /// longer than opening a connection may take, so the whole ends within [`Self::longest_opening`] and
    /// [`Self::longest_send`], once for each relay.
    async fn send_raw(&self, envelope: &Envelope, message: &[u8]) -> SendResult {
        let mut trouble = None;
        for _ in &self.0.relays {
            // Given up while it waits, a lease costs nothing; while it sends, it would leave the message in doubt.
            let lease = tokio::time::timeout(self.longest_opening(), self.lease(Priority::Single)).await;
            let result = match lease {
                Ok(Ok(lease)) => lease.send_raw(envelope, message).await,
                Ok(Err(answer)) => return Err(SendError::RelayTrouble(trouble.unwrap_or(answer))),
                Err(_) => {
                    let none = || Answer::new("", None, "no connection to a relay was free in time");
                    return Err(SendError::RelayTrouble(trouble.unwrap_or_else(none)));
                }
            };
            match result {
                Err(SendError::RelayTrouble(answer)) => trouble = Some(answer),
                result => return result,
            }
        }
        Err(SendError::RelayTrouble(trouble.unwrap_or_else(|| Answer::new("", None, "there is no relay"))))
    }
}

#[cfg(test)]
#[path = "mailer_tests.rs"]
mod tests;
