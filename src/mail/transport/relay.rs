//! A relay as this process knows it: how to get there, whether it is well, and the connections to it.

use super::{
    MailerError, mailbox,
    pool::{Connection, Pool},
    smtp::{Conversation, Dial, Timeouts, tls::Tls},
};
use crate::{
    domain::{
        delivery::Answer,
        relay::{RelayUrl, Security},
        retry::relay_pause,
    },
    settings,
};
use parking_lot::Mutex;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::time::Instant;

/// A relay.
pub(super) struct Relay {
    /// Its URL without credentials.
    pub name: String,
    pub way: Way,
    health: Mutex<Health>,
}

/// How mail gets there.
pub(super) enum Way {
    /// It becomes a file in this folder.
    Mailbox(PathBuf),
    Smtp(Arc<Smtp>),
}

/// Connections to an SMTP server.
pub(super) struct Smtp {
    pub dial: Dial,
    pub pool: Arc<Pool<Kept>>,
    messages_per_connection: u32,
}

/// A connection, and what it may be used for.
pub(super) struct Kept {
    pub conversation: Conversation,
    /// Mails it may carry in all.
    limit: u32,
}

#[derive(Default)]
struct Health {
    /// Troubles in a row.
    failures: i64,
    rests_until: Option<Instant>,
    /// What it said, or what went wrong, last.
    trouble: Option<Answer>,
}

impl Relay {
    /// Checks the relay's name and certificates.
    pub fn new(
        index: usize,
        relay: &settings::Relay,
        hello_name: &str,
        timeouts: Timeouts,
    ) -> Result<Self, MailerError> {
        let way = match &relay.url {
            RelayUrl::Mailbox(folder) => Way::Mailbox(folder.clone()),
            RelayUrl::Smtp(smtp) => {
                let tls = match smtp.security {
                    Security::None => None,
                    Security::StartTls | Security::Tls => Some(
                        Tls::new(&smtp.host, relay.ca_file.as_deref())
                            .map_err(|problem| MailerError::new(index, problem))?,
                    ),
                };
                Way::Smtp(Arc::new(Smtp {
                    dial: Dial::new(smtp.clone(), tls, hello_name, timeouts),
                    pool: Pool::new(relay.connections),
                    messages_per_connection: relay.messages_per_connection,
                }))
            }
        };
        Ok(Self { name: relay.url.to_string(), way, health: Mutex::default() })
    }

    /// What the trouble is, while it is left alone for it.
    pub fn resting(&self) -> Option<Answer> {
        let health = self.health.lock();
        health.rests_until.filter(|&until| until > Instant::now())?;
        Some(health.trouble.clone().unwrap_or_else(|| Answer::new(&self.name, None, "it rests")))
    }

    /// It did its work. Trouble that another connection has met meanwhile stands.
    pub fn well(&self) {
        let mut health = self.health.lock();
        if health.failures > 0 && health.rests_until.is_none_or(|until| until <= Instant::now()) {
            *health = Health::default();
            tracing::info!(relay = self.name, "a relay works again");
        }
    }

    /// It could not do its work: it is left alone for a while, and who waits for it goes elsewhere. Many connections that meet
    /// the same trouble count as one.
    pub fn trouble(&self, answer: &Answer) {
        let until = {
            let mut health = self.health.lock();
            health.trouble = Some(answer.clone());
            if health.rests_until.is_some_and(|until| until > Instant::now()) {
                tracing::debug!(relay = self.name, said = answer.line(), "a relay is still in trouble");
                return;
            }
            health.failures += 1;
            let pause = relay_pause(health.failures);
            let until = Instant::now() + pause.unsigned_abs();
            health.rests_until = Some(until);
            tracing::warn!(relay = self.name, said = answer.line(), pause = ?pause, "a relay is in trouble");
            until
        };
        if let Way::Smtp(smtp) = &self.way {
            smtp.pool.rest_until(until);
        }
    }

    /// Tries it: connect, greet, protect, authenticate; or make the folder.
    pub async fn check(&self) -> Result<(), String> {
        match &self.way {
            Way::Mailbox(folder) => mailbox::make_folder(folder).await.map_err(|error| error.to_string()),
            Way::Smtp(smtp) => {
                let opened = smtp.dial.open().await.map_err(|answer| answer.line())?;
                // That it works is known: how it says goodbye does not matter.
                let _ = tokio::time::timeout(Duration::from_secs(1), opened.quit()).await;
                Ok(())
            }
        }
    }
}

impl Smtp {
    /// Opens a connection beside all others.
    pub async fn open(&self) -> Result<Kept, Answer> {
        let conversation = self.dial.open().await?;
        Ok(Kept { conversation, limit: self.messages_per_connection })
    }
}

impl Connection for Kept {
    fn is_ready(&self) -> bool {
        self.conversation.is_ready()
    }

    fn is_spent(&self) -> bool {
        self.conversation.mails() >= self.limit
    }

    async fn close(self) {
        self.conversation.quit().await;
    }
}
