//! A relay as this process sees it: its route, health and connections.

use crate::{
    clock::Clock,
    domain::delivery::{
        relay::{RelayAnswer, RelayFault, RelayUrl, Security},
        retry::relay_pause,
        status::Answer,
    },
    mail::transport::{
        MailerError,
        mailbox::Mailbox,
        outcome::SendResult,
        pool::{Connection, Pool},
        sendmail::Sendmail,
        smtp::{Attempt, Dialer, SmtpSession, Timeouts, tls::Tls},
    },
    settings,
};
use lettre::{AsyncTransport as _, address::Envelope, transport::smtp::extension::ClientId};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

pub(super) struct Relay {
    /// Its URL without credentials.
    pub name: String,
    pub route: Route,
    health: Mutex<Health>,
}

pub(super) enum Route {
    Mailbox(Arc<Mailbox>),
    Pooled(Arc<Connector>),
}

/// Opens and pools connections to a relay.
pub(super) struct Connector {
    pub target: Target,
    pub pool: Arc<Pool<RelayConnection>>,
    messages_per_connection: u32,
}

pub(super) enum Target {
    Smtp(Box<Dialer>),
    /// A "connection" to a program is permission to run it once.
    Sendmail(Sendmail),
}

pub(super) struct RelayConnection {
    session: Session,
    /// Maximum number of messages.
    limit: u32,
}

enum Session {
    Smtp(Box<SmtpSession>),
    Sendmail(Sendmail),
}

#[derive(Default)]
struct Health {
    failures: i64,
    backoff_until: Option<Instant>,
    last_failure: Option<Answer>,
}

impl Relay {
    /// Validates the relay's name and certificates.
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
                Target::Smtp(Box::new(Dialer::new(
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

    /// Returns the last failure while the relay is in backoff.
    pub fn backoff(&self) -> Option<Answer> {
        let health = self.health.lock();
        health.backoff_until.filter(|&until| until > Instant::now())?;
        Some(
            health
                .last_failure
                .clone()
                .unwrap_or_else(|| Answer::new(&self.name, None, "the relay is in backoff")),
        )
    }

    /// Records a success. It doesn't end a backoff that another connection's failure has started meanwhile.
    pub fn record_success(&self) {
        let mut health = self.health.lock();
        if health.failures > 0 && health.backoff_until.is_none_or(|until| until <= Instant::now()) {
            *health = Health::default();
            tracing::info!(relay = self.name, "relay works again");
        }
    }

    /// Records a failure: the relay goes into backoff, and its waiters move on. Simultaneous failures of
    /// several connections count as one.
    pub fn record_failure(&self, answer: &Answer) {
        let until = {
            let mut health = self.health.lock();
            health.last_failure = Some(answer.clone());
            if health.backoff_until.is_some_and(|until| until > Instant::now()) {
                tracing::debug!(relay = self.name, answer = answer.line(), "relay still failing");
                return;
            }
            health.failures += 1;
            let pause = relay_pause(health.failures);
            let until = Instant::now() + pause.unsigned_abs();
            health.backoff_until = Some(until);
            tracing::warn!(relay = self.name, answer = answer.line(), pause = ?pause, "relay failed");
            until
        };
        if let Route::Pooled(connector) = &self.route {
            connector.pool.back_off_until(until);
        }
    }

    /// Tries the relay without sending anything.
    pub async fn check(&self) -> RelayAnswer {
        match &self.route {
            Route::Mailbox(mailbox) => {
                mailbox.make_folder().await.map_err(|error| RelayFault::silent(error.to_string()))?;
                Ok(Vec::new())
            }
            Route::Pooled(connector) => match &connector.target {
                Target::Sendmail(program) => {
                    program.check().await.map_err(RelayFault::silent)?;
                    Ok(Vec::new())
                }
                Target::Smtp(dialer) => match dialer.open_recorded().await {
                    (Ok(opened), conversation) => {
                        // The relay works even if it doesn't answer QUIT.
                        let _ = tokio::time::timeout(Duration::from_secs(1), opened.quit()).await;
                        Ok(conversation)
                    }
                    (Err(answer), conversation) => Err(RelayFault { said: answer.line(), conversation }),
                },
            },
        }
    }
}

impl Connector {
    pub async fn open(&self) -> Result<RelayConnection, Answer> {
        let session = match &self.target {
            Target::Smtp(dialer) => Session::Smtp(Box::new(dialer.open().await?)),
            Target::Sendmail(program) => Session::Sendmail(program.clone()),
        };
        Ok(RelayConnection { session, limit: self.messages_per_connection })
    }
}

impl RelayConnection {
    pub async fn send(&mut self, envelope: &Envelope, message: &[u8]) -> Attempt {
        match &mut self.session {
            Session::Smtp(session) => session.send(envelope, message).await,
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
            Session::Smtp(session) => session.is_ready(),
            Session::Sendmail(_) => true,
        }
    }

    fn is_spent(&self) -> bool {
        match &self.session {
            Session::Smtp(session) => session.messages() >= self.limit,
            Session::Sendmail(_) => false,
        }
    }

    async fn close(self) {
        if let Session::Smtp(session) = self.session {
            session.quit().await;
        }
    }
}
