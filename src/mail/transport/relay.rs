//! A relay as this process knows it: how to get there, whether it is well, and the connections to it.

use crate::{
    clock::Clock,
    domain::delivery::{
        relay::{RelayUrl, Security},
        retry::relay_pause,
        status::Answer,
    },
    mail::transport::{
        MailerError,
        mailbox::Mailbox,
        outcome::SendResult,
        pool::{Connection, Pool},
        sendmail::Sendmail,
        smtp::{Attempt, Conversation, Dial, Timeouts, tls::Tls},
    },
    settings,
};
use lettre::{AsyncTransport as _, address::Envelope, transport::smtp::extension::ClientId};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A relay.
pub(super) struct Relay {
    /// Its URL without credentials.
    pub name: String,
    pub route: Route,
    health: Mutex<Health>,
}

/// How messages get to a relay.
pub(super) enum Route {
    Mailbox(Arc<Mailbox>),
    Pooled(Arc<Connector>),
}

/// Opens connections to a relay and keeps them.
pub(super) struct Connector {
    pub target: Target,
    pub pool: Arc<Pool<RelayConnection>>,
    messages_per_connection: u32,
}

/// The other end of a connector.
pub(super) enum Target {
    Smtp(Box<Dial>),
    /// A "connection" to a program is the right to run it once.
    Sendmail(Sendmail),
}

/// A connection, and what it may be used for.
pub(super) struct RelayConnection {
    session: Session,
    /// Messages it may carry in all.
    limit: u32,
}

enum Session {
    Smtp(Box<Conversation>),
    Sendmail(Sendmail),
}

#[derive(Default)]
struct Health {
    /// Troubles in a row.
    failures: i64,
    rests_until: Option<Instant>,
    /// The last trouble.
    trouble: Option<Answer>,
}

impl Relay {
    /// Checks the relay's name and certificates.
    pub fn new(
        index: usize,
        relay: &settings::Relay,
        hello_name: &ClientId,
        timeouts: Timeouts,
        clock: &Clock,
    ) -> Result<Self, MailerError> {
        let name = relay.url.to_string();
        let target = match &relay.url {
            RelayUrl::Mailbox(folder) => {
                let mailbox = Mailbox { folder: folder.clone(), clock: clock.clone(), name: name.clone() };
                return Ok(Self { name, route: Route::Mailbox(Arc::new(mailbox)), health: Mutex::default() });
            }
            RelayUrl::Sendmail(program) => {
                Target::Sendmail(Sendmail::new(program, name.clone(), timeouts.answer + timeouts.step))
            }
            RelayUrl::Smtp(smtp) => {
                let tls = match smtp.security {
                    Security::None => None,
                    Security::StartTls | Security::Tls => Some(
                        Tls::new(&smtp.host, relay.ca_file.as_deref())
                            .map_err(|problem| MailerError::new(index, problem))?,
                    ),
                };
                Target::Smtp(Box::new(Dial::new(
                    smtp.clone(),
                    tls,
                    relay.oauth_token(),
                    hello_name.clone(),
                    timeouts,
                )))
            }
        };
        let connector = Connector {
            target,
            pool: Pool::new(relay.connections),
            messages_per_connection: relay.messages_per_connection,
        };
        Ok(Self { name, route: Route::Pooled(Arc::new(connector)), health: Mutex::default() })
    }

    /// Returns the relay's trouble while it is left alone because of it.
    pub fn resting(&self) -> Option<Answer> {
        let health = self.health.lock();
        health.rests_until.filter(|&until| until > Instant::now())?;
        Some(health.trouble.clone().unwrap_or_else(|| Answer::new(&self.name, None, "it rests")))
    }

    /// Notes a success. Trouble that another connection has met meanwhile stands.
    pub fn well(&self) {
        let mut health = self.health.lock();
        if health.failures > 0 && health.rests_until.is_none_or(|until| until <= Instant::now()) {
            *health = Health::default();
            tracing::info!(relay = self.name, "a relay works again");
        }
    }

    /// Notes a failure of the relay: it is left alone for a while, and waiters go elsewhere. Many connections that meet the
    /// same trouble count as one.
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
        if let Route::Pooled(connector) = &self.route {
            connector.pool.rest_until(until);
        }
    }

    /// Tries the relay as far as that sends nothing.
    pub async fn check(&self) -> Result<(), String> {
        match &self.route {
            Route::Mailbox(mailbox) => mailbox.make_folder().await.map_err(|error| error.to_string()),
            Route::Pooled(connector) => match &connector.target {
                Target::Sendmail(program) => program.check().await,
                Target::Smtp(dial) => {
                    let opened = dial.open().await.map_err(|answer| answer.line())?;
                    // The relay works, whether it answers QUIT or not.
                    let _ = tokio::time::timeout(Duration::from_secs(1), opened.quit()).await;
                    Ok(())
                }
            },
        }
    }
}

impl Connector {
    /// Opens a connection beside all others.
    pub async fn open(&self) -> Result<RelayConnection, Answer> {
        let session = match &self.target {
            Target::Smtp(dial) => Session::Smtp(Box::new(dial.open().await?)),
            Target::Sendmail(program) => Session::Sendmail(program.clone()),
        };
        Ok(RelayConnection { session, limit: self.messages_per_connection })
    }
}

impl RelayConnection {
    /// Hands over one message.
    pub async fn send(&mut self, envelope: &Envelope, message: &[u8]) -> Attempt {
        match &mut self.session {
            Session::Smtp(conversation) => conversation.send(envelope, message).await,
            Session::Sendmail(program) => {
                let result: SendResult = program.send_raw(envelope, message).await;
                result.into()
            }
        }
    }
}

impl Connection for RelayConnection {
    fn is_ready(&self) -> bool {
        match &self.session {
            Session::Smtp(conversation) => conversation.is_ready(),
            Session::Sendmail(_) => true,
        }
    }

    fn is_spent(&self) -> bool {
        match &self.session {
            Session::Smtp(conversation) => conversation.messages() >= self.limit,
            Session::Sendmail(_) => false,
        }
    }

    async fn close(self) {
        if let Session::Smtp(conversation) = self.session {
            conversation.quit().await;
        }
    }
}
