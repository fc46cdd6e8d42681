//! Opens a session: greeting, EHLO, STARTTLS, AUTH.

use crate::{
    domain::delivery::{
        relay::Security,
        status::{Answer, Stage},
    },
    mail::transport::smtp::{
        Dialer, Extensions, SmtpSession, failure,
        reply::{Reply, ReplyClass},
        wire::{Transcript, Wire, WireError},
    },
};
use lettre::transport::smtp::commands::{Ehlo, Starttls};

/// Time for opening a session, in steps, although it takes up to nine round trips.
pub(super) const OPENING_STEPS: u32 = 2;

pub(super) struct Opening<'a> {
    dialer: &'a Dialer,
    stage: Stage,
    transcript: Option<Transcript>,
}

pub(super) enum OpenError {
    Refused(Reply),
    Wire(WireError),
    /// The relay or our configuration lacks something.
    Unsupported(String),
}

impl<'a> Opening<'a> {
    pub fn new(dialer: &'a Dialer, transcript: Option<Transcript>) -> Self {
        Self { dialer, stage: Stage::Connect, transcript }
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    pub async fn run(&mut self) -> Result<SmtpSession, Answer> {
        let opened = self.steps().await;
        opened.map_err(|error| {
            let name = &*self.dialer.name;
            match error {
                OpenError::Refused(reply) => {
                    Answer::new(name, Some(reply.code), &reply.text()).at(self.stage)
                }
                OpenError::Wire(error) => failure(name, self.stage, &error),
                OpenError::Unsupported(why) => failure(name, self.stage, &why),
            }
        })
    }

    async fn steps(&mut self) -> Result<SmtpSession, OpenError> {
        let dialer = self.dialer;
        let mut stream = dialer.connect().await.map_err(OpenError::Unsupported)?;
        if dialer.relay.security == Security::Tls {
            self.stage = Stage::Tls;
            stream = self.encrypt(stream).await?;
        }
        let mut wire = self.wire(stream);
        self.stage = Stage::Greeting;
        expect_success(wire.reply().await?)?;
        let mut extensions = self.hello(&mut wire).await?;
        if dialer.relay.security == Security::StartTls {
            self.stage = Stage::Tls;
            if !extensions.starttls {
                return Err(OpenError::Unsupported("the relay does not offer STARTTLS".into()));
            }
            expect_success(exchange(&mut wire, Starttls).await?)?;
            // A man in the middle could have injected replies here, which would later pass for the relay's
            // own.
            if wire.has_unsolicited_bytes() {
                return Err(OpenError::Unsupported(
                    "the relay sent unencrypted data after the answer to STARTTLS".into(),
                ));
            }
            // Discards everything learnt before TLS (RFC 3207 section 4.2).
            wire = self.wire(self.encrypt(wire.into_stream()).await?);
            extensions = self.hello(&mut wire).await?;
        }
        if let Some(login) = &dialer.login {
            self.stage = Stage::Auth;
            login.perform(&mut wire, extensions).await?;
        }
        if wire.has_unsolicited_bytes() {
            return Err(OpenError::Unsupported("the relay sent an unexpected reply".into()));
        }
        Ok(SmtpSession {
            wire,
            relay: dialer.name.clone(),
            extensions,
            answer_timeout: dialer.timeouts.answer,
            ready: true,
            needs_reset: false,
            messages: 0,
        })
    }

    fn wire(&self, stream: super::Stream) -> Wire {
        let mut wire = Wire::new(stream, self.dialer.timeouts.step);
        wire.begin_phase(OPENING_STEPS);
        if let Some(transcript) = &self.transcript {
            wire.record(transcript.clone());
        }
        wire
    }

    async fn encrypt(&self, stream: super::Stream) -> Result<super::Stream, OpenError> {
        let none = || OpenError::Unsupported("TLS is not configured for this relay".into());
        let tls = self.dialer.tls.as_ref().ok_or_else(none)?;
        match tokio::time::timeout(self.dialer.timeouts.step, tls.wrap(stream)).await {
            Ok(Ok(stream)) => {
                if let Some(transcript) = &self.transcript {
                    transcript.add("(encrypted from here)".into());
                }
                Ok(stream)
            }
            Ok(Err(error)) => Err(OpenError::Unsupported(tls.explain(&error, self.dialer.relay.security))),
            Err(_) => Err(OpenError::Wire(WireError::TimedOut)),
        }
    }

    /// Sends EHLO, or HELO to a relay without extensions (RFC 5321 section 3.2).
    async fn hello(&mut self, wire: &mut Wire) -> Result<Extensions, OpenError> {
        let previous = std::mem::replace(&mut self.stage, Stage::Hello);
        let name = &self.dialer.hello_name;
        let reply = exchange(wire, Ehlo::new(name.clone())).await?;
        if reply.class() == ReplyClass::PermanentFailure {
            expect_success(exchange(wire, format!("HELO {name}\r\n")).await?)?;
            return Ok(Extensions::default());
        }
        let extensions = Extensions::from_reply(&expect_success(reply)?);
        self.stage = previous;
        Ok(extensions)
    }
}

pub(super) async fn exchange(wire: &mut Wire, command: impl std::fmt::Display) -> Result<Reply, WireError> {
    wire.command(&[&command.to_string()]).await?;
    wire.reply().await
}

pub(super) fn expect_success(reply: Reply) -> Result<Reply, OpenError> {
    if reply.class() == ReplyClass::Success { Ok(reply) } else { Err(OpenError::Refused(reply)) }
}

pub(super) fn expect_intermediate(reply: Reply) -> Result<(), OpenError> {
    if reply.class() == ReplyClass::Intermediate { Ok(()) } else { Err(OpenError::Refused(reply)) }
}
