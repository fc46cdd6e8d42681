//! Connects to a relay, with time limits.

use crate::{
    domain::delivery::{
        relay::{OauthToken, SmtpRelay},
        status::Answer,
    },
    mail::transport::smtp::{
        SmtpSession,
        addresses::{connect_first, interleave},
        auth::Login,
        open::{OPENING_STEPS, Opening},
        send::{ENVELOPE_STEPS, WRITING_STEPS},
        tls::Tls,
        wire::{Stream, Transcript},
    },
};
use lettre::transport::smtp::{authentication::Credentials, extension::ClientId};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::Instant};

/// Timeouts for a relay (RFC 5321 section 4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// One step: connecting, TLS, a command and its reply, a partial write of a message.
    pub step: Duration,
    /// The answer to a message. The relay may process the whole message first, and a client that doesn't wait
    /// sends it twice.
    pub answer: Duration,
}

impl Timeouts {
    /// Returns the maximum time that opening a session can take.
    pub fn longest_opening(self) -> Duration {
        self.step * OPENING_STEPS
    }

    /// Returns the maximum time that sending a message can take, including a replacement of the connection.
    pub fn longest_send(self) -> Duration {
        let envelope = self.step * ENVELOPE_STEPS;
        envelope + self.longest_opening() + envelope + self.step * WRITING_STEPS + self.answer
    }
}

/// Opens sessions with one relay.
pub struct Dialer {
    pub(super) relay: SmtpRelay,
    pub(super) name: Arc<str>,
    pub(super) tls: Option<Tls>,
    pub(super) login: Option<Login>,
    pub(super) hello_name: ClientId,
    pub(super) timeouts: Timeouts,
    #[cfg(test)]
    pub(in crate::mail::transport) fake: Option<super::fake_relay::FakeRelay>,
}

impl Dialer {
    /// Creates a dialer; `tls` is required if the relay's URL asks for it.
    pub fn new(
        relay: SmtpRelay,
        tls: Option<Tls>,
        oauth_token: Option<OauthToken>,
        hello_name: ClientId,
        timeouts: Timeouts,
    ) -> Self {
        let login = match (relay.user.clone(), relay.password.clone(), oauth_token) {
            (Some(user), _, Some(token)) => Some(Login::Oauth { user, token }),
            (Some(user), Some(password), None) => Some(Login::Password(Credentials::new(user, password))),
            _ => None,
        };
        Self {
            name: relay.to_string().into(),
            relay,
            tls,
            login,
            hello_name,
            timeouts,
            #[cfg(test)]
            fake: None,
        }
    }

    /// Connects and opens a session. Each step has a timeout, and so has the whole.
    pub async fn open(&self) -> Result<SmtpSession, Answer> {
        self.open_with(None).await
    }

    /// Opens a session. Returns it with what was said until then, one line each, without secrets.
    pub async fn open_recorded(&self) -> (Result<SmtpSession, Answer>, Vec<String>) {
        let transcript = Transcript::default();
        (self.open_with(Some(transcript.clone())).await, transcript.lines())
    }

    async fn open_with(&self, transcript: Option<Transcript>) -> Result<SmtpSession, Answer> {
        let mut opening = Opening::new(self, transcript);
        match tokio::time::timeout(self.timeouts.longest_opening(), opening.run()).await {
            Ok(opened) => opened,
            Err(_) => Err(super::failure(&self.name, opening.stage(), &"no answer in time")),
        }
    }

    /// Connects to the first address that answers.
    pub(super) async fn connect(&self) -> Result<Stream, String> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.connect().map_err(|error| error.to_string());
        }
        let deadline = Instant::now() + self.timeouts.step;
        let host = self.relay.host.as_str();
        let looking_up = tokio::net::lookup_host((host, self.relay.port));
        let addresses: Vec<SocketAddr> = match tokio::time::timeout_at(deadline, looking_up).await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => return Err(format!("the name {host} can't be resolved: {error}")),
            Err(_) => return Err(format!("resolving the name {host} timed out")),
        };
        let stream = connect_first(interleave(addresses), deadline, TcpStream::connect).await?;
        // Otherwise the last segment of each message waits for the delayed acknowledgement: 40 ms.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Box::new(stream))
    }
}
