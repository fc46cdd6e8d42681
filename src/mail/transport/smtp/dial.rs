//! Connecting to a relay, and how long everything may take.

use crate::{
    domain::delivery::{
        relay::SmtpRelay,
        status::{Answer, Stage},
    },
    mail::transport::smtp::{
        Conversation,
        open::{OPENING_STEPS, Opening},
        send::{ENVELOPE_STEPS, WRITING_STEPS},
        tls::Tls,
        wire::Stream,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpStream;

/// How long to wait for a relay (RFC 5321 section 4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// One step: connecting, TLS, a command and its reply, a piece of a message.
    pub step: Duration,
    /// The answer to a message: the relay may do all its work before it gives it, and whoever does not wait sends twice.
    pub answer: Duration,
}

impl Timeouts {
    /// Longest time opening a connection can take.
    pub fn longest_opening(self) -> Duration {
        self.step * OPENING_STEPS
    }

    /// Longest time a mail can take over a connection that is open, if that has to be replaced by another one first.
    pub fn longest_send(self) -> Duration {
        let envelope = self.step * ENVELOPE_STEPS;
        envelope + self.longest_opening() + envelope + self.step * WRITING_STEPS + self.answer
    }
}

/// All that is needed to open conversations with one relay.
pub struct Dial {
    pub(super) relay: SmtpRelay,
    pub(super) name: Arc<str>,
    pub(super) tls: Option<Tls>,
    pub(super) hello_name: String,
    pub(super) timeouts: Timeouts,
    #[cfg(test)]
    pub(in crate::mail::transport) stand_in: Option<super::fake_relay::FakeRelay>,
}

impl Dial {
    /// For a relay; with `tls` if its URL asks for it.
    pub fn new(relay: SmtpRelay, tls: Option<Tls>, hello_name: &str, timeouts: Timeouts) -> Self {
        Self {
            name: relay.to_string().into(),
            relay,
            tls,
            hello_name: hello_name.to_owned(),
            timeouts,
            #[cfg(test)]
            stand_in: None,
        }
    }

    /// Connects, and gets ready to send. Each step has its time, and all of them together.
    pub async fn open(&self) -> Result<Conversation, Answer> {
        let mut opening = Opening::new(self);
        match tokio::time::timeout(self.timeouts.longest_opening(), opening.run()).await {
            Ok(opened) => opened,
            Err(_) => Err(super::trouble(&self.name, opening.stage(), &"no answer in time")),
        }
    }

    pub(super) async fn connect(&self) -> Result<Stream, Answer> {
        let connecting = async {
            #[cfg(test)]
            if let Some(fake) = &self.stand_in {
                return fake.connect();
            }
            let stream = TcpStream::connect((self.relay.host.as_str(), self.relay.port)).await?;
            // Without it the last segment of every message waits for the delayed acknowledgement: 40 ms each.
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(Box::new(stream) as Stream)
        };
        let problem: String = match tokio::time::timeout(self.timeouts.step, connecting).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".into(),
        };
        Err(super::trouble(&self.name, Stage::Connect, &problem))
    }
}
