//! The mailer: relays in order of preference, and lines to them.

use super::{
    line::Line,
    outcome::{Outcome, Outgoing},
    pool::Priority,
    relay::{Relay, Way},
    smtp::Timeouts,
};
use crate::{
    clock::Clock,
    domain::delivery::Answer,
    settings::{self, Sending},
};
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
    clock: Clock,
}

/// Longest time for saying goodbye to all relays.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

impl Mailer {
    /// Checks the relays' names and certificates; connects to none yet.
    pub fn new(relays: &[settings::Relay], sending: &Sending, clock: Clock) -> Result<Self, MailerError> {
        let timeouts = Timeouts { step: sending.timeout, answer: sending.answer_timeout };
        let relays = relays
            .iter()
            .enumerate()
            .map(|(index, relay)| Relay::new(index, relay, &sending.hello_name, timeouts).map(Arc::new));
        let relays = relays.collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Shared { relays, timeouts, clock })))
    }

    /// Waits for a line to the first relay that is not resting: over a connection that is kept from before, or a new one if
    /// this process may open one more. Single mails go before all bulk mail. Nobody waits for a relay that has begun to rest.
    ///
    /// Dropping the future, at any point, takes nothing from those who wait behind.
    ///
    /// # Errors
    /// No relay can be reached at the moment: what the last trouble was.
    pub async fn line(&self, priority: Priority) -> Result<Line, Answer> {
        let mut last = None;
        for (index, relay) in self.0.relays.iter().enumerate() {
            if let Some(trouble) = relay.resting() {
                last.get_or_insert(trouble);
                continue;
            }
            let smtp = match &relay.way {
                Way::Mailbox(folder) => {
                    return Ok(Line::to_mailbox(index, relay.clone(), folder.clone(), self.0.clock.clone()));
                }
                Way::Smtp(smtp) => smtp,
            };
            // It may begin to rest while we wait, and end before we are told.
            let Some(mut grant) = smtp.pool.take(priority).await else {
                last = relay.resting().or(last);
                continue;
            };
            let fresh = grant.connection().is_none();
            if fresh {
                if let Some(trouble) = relay.resting() {
                    last.get_or_insert(trouble);
                    continue;
                }
                match smtp.open().await {
                    Ok(opened) => {
                        grant.put(opened);
                    }
                    Err(answer) => {
                        relay.trouble(&answer);
                        last = Some(answer);
                        continue;
                    }
                }
            }
            return Ok(Line::over(index, relay.clone(), smtp.clone(), grant, fresh));
        }
        let name = self.0.relays.first().map_or("", |relay| relay.name.as_str());
        Err(last.unwrap_or_else(|| Answer::new(name, None, "no relay could be tried")))
    }

    /// Hands a mail to the first relay that takes it: where one turns out to be in trouble, the next one is tried. Waits for a
    /// line no longer than opening a connection may take, so that the whole ends within [`Self::longest_opening`] and
    /// [`Self::longest_send`], once for each relay.
    pub async fn send(&self, priority: Priority, mail: &Outgoing<'_>) -> Outcome {
        let mut trouble = None;
        for _ in &self.0.relays {
            // Given up while it waits, a line costs nothing; while it sends, it would leave the mail in doubt.
            let outcome = match tokio::time::timeout(self.longest_opening(), self.line(priority)).await {
                Ok(Ok(mut line)) => line.send(mail).await,
                Ok(Err(answer)) => return Outcome::RelayTrouble(trouble.unwrap_or(answer)),
                Err(_) => {
                    let none = || Answer::new("", None, "no line to a relay was free in time");
                    return Outcome::RelayTrouble(trouble.unwrap_or_else(none));
                }
            };
            match outcome {
                Outcome::RelayTrouble(answer) => trouble = Some(answer),
                outcome => return outcome,
            }
        }
        let answer = trouble.unwrap_or_else(|| Answer::new("", None, "there is no relay"));
        Outcome::RelayTrouble(answer)
    }

    /// The first relay that is not resting: the one whose line [`Self::line`] will wait for.
    pub fn preferred(&self) -> Option<usize> {
        self.0.relays.iter().position(|relay| relay.resting().is_none())
    }

    /// How many connections this process may have open to a relay from now on; at first as many as are configured. Surplus
    /// ones are closed when they come back, idle surplus ones at once. With 0, who wants a line waits. Of no effect on a
    /// mailbox, or a relay that does not exist.
    pub fn allow(&self, relay: usize, connections: usize) {
        if let Some(Way::Smtp(smtp)) = self.0.relays.get(relay).map(|relay| &relay.way) {
            smtp.pool.allow(connections);
        }
    }

    /// Connections to a relay: in use, idle, being opened or closed. A mailbox has none.
    pub fn open_connections(&self, relay: usize) -> usize {
        match self.0.relays.get(relay).map(|relay| &relay.way) {
            Some(Way::Smtp(smtp)) => smtp.pool.open(),
            _ => 0,
        }
    }

    /// The relays' URLs in order of preference, without credentials.
    pub fn relay_names(&self) -> Vec<String> {
        self.0.relays.iter().map(|relay| relay.name.clone()).collect()
    }

    /// Longest time [`Line::send`] can take, whatever the relay does. [`Self::line`] has no such limit.
    pub fn longest_send(&self) -> Duration {
        self.0.timeouts.longest_send()
    }

    /// Longest time opening a connection can take, which [`Self::line`] does once for each relay at the most.
    pub fn longest_opening(&self) -> Duration {
        self.0.timeouts.longest_opening()
    }

    /// Tries each relay: connect, greet, protect, authenticate. What each says, in order.
    pub async fn check(&self) -> Vec<(String, Result<(), String>)> {
        let mut results = Vec::new();
        for relay in &self.0.relays {
            results.push((relay.name.clone(), relay.check().await));
        }
        results
    }

    /// Says goodbye on all idle connections, within two seconds.
    pub async fn close(&self) {
        let pools = self.0.relays.iter().filter_map(|relay| match &relay.way {
            Way::Smtp(smtp) => Some(smtp.pool.close_idle()),
            Way::Mailbox(_) => None,
        });
        // In time or not, they are gone.
        let _ = tokio::time::timeout(CLOSE_LIMIT, futures_util::future::join_all(pools)).await;
    }
}

#[cfg(test)]
#[path = "mailer_tests.rs"]
mod tests;
