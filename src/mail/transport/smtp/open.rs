//! Opening a conversation: greeting, EHLO, STARTTLS, AUTH.

use crate::{
    domain::delivery::{
        relay::Security,
        status::{Answer, Stage},
    },
    mail::transport::smtp::{
        Conversation, Dial, Extensions,
        reply::{Reply, Verdict},
        trouble,
        wire::{Fault, Wire},
    },
};
use lettre::transport::smtp::commands::{Ehlo, Starttls};

/// How many steps' time opening may take in all, although it takes up to nine round trips.
pub(super) const OPENING_STEPS: u32 = 2;

/// A conversation that is being opened.
pub(super) struct Opening<'a> {
    dial: &'a Dial,
    stage: Stage,
}

/// Why a conversation isn't opened.
pub(super) enum Problem {
    /// The relay said no.
    Refused(Reply),
    Fault(Fault),
    /// The relay, or our side, doesn't have what is needed.
    Unfit(String),
}

impl<'a> Opening<'a> {
    pub fn new(dial: &'a Dial) -> Self {
        Self { dial, stage: Stage::Connect }
    }

    /// Returns how far it came.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    pub async fn run(&mut self) -> Result<Conversation, Answer> {
        let opened = self.steps().await;
        opened.map_err(|problem| {
            let name = &*self.dial.name;
            match problem {
                Problem::Refused(reply) => Answer::new(name, Some(reply.code), &reply.text()).at(self.stage),
                Problem::Fault(fault) => trouble(name, self.stage, &fault),
                Problem::Unfit(why) => trouble(name, self.stage, &why),
            }
        })
    }

    async fn steps(&mut self) -> Result<Conversation, Problem> {
        let dial = self.dial;
        let mut stream = dial.connect().await.map_err(Problem::Unfit)?;
        if dial.relay.security == Security::Tls {
            self.stage = Stage::Tls;
            stream = self.protect(stream).await?;
        }
        let mut wire = self.wire(stream);
        self.stage = Stage::Greeting;
        yes(wire.reply().await?)?;
        let mut extensions = self.hello(&mut wire).await?;
        if dial.relay.security == Security::StartTls {
            self.stage = Stage::Tls;
            if !extensions.starttls {
                return Err(Problem::Unfit("the relay does not offer STARTTLS".into()));
            }
            yes(ask(&mut wire, Starttls).await?)?;
            // Somebody in between could have put replies behind this one, to be taken for the relay's own later.
            if wire.out_of_turn() {
                return Err(Problem::Unfit("something unprotected came after the answer to STARTTLS".into()));
            }
            // Everything learnt so far is forgotten (RFC 3207 section 4.2).
            wire = self.wire(self.protect(wire.into_stream()).await?);
            extensions = self.hello(&mut wire).await?;
        }
        if let Some(login) = &dial.login {
            self.stage = Stage::Auth;
            login.perform(&mut wire, extensions).await?;
        }
        if wire.out_of_turn() {
            return Err(Problem::Unfit("the relay spoke out of turn".into()));
        }
        Ok(Conversation {
            wire,
            relay: dial.name.clone(),
            extensions,
            answer_timeout: dial.timeouts.answer,
            ready: true,
            envelope_left: false,
            messages: 0,
        })
    }

    fn wire(&self, stream: super::Stream) -> Wire {
        let mut wire = Wire::new(stream, self.dial.timeouts.step);
        wire.begin_phase(OPENING_STEPS);
        wire
    }

    async fn protect(&self, stream: super::Stream) -> Result<super::Stream, Problem> {
        let none = || Problem::Unfit("there is no TLS set up for this relay".into());
        let tls = self.dial.tls.as_ref().ok_or_else(none)?;
        match tokio::time::timeout(self.dial.timeouts.step, tls.wrap(stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Problem::Unfit(tls.explain(&error, self.dial.relay.security))),
            Err(_) => Err(Problem::Fault(Fault::Silent)),
        }
    }

    /// EHLO, or HELO for a relay that knows no extensions (RFC 5321 section 3.2).
    async fn hello(&mut self, wire: &mut Wire) -> Result<Extensions, Problem> {
        let before = std::mem::replace(&mut self.stage, Stage::Hello);
        let name = &self.dial.hello_name;
        let reply = ask(wire, Ehlo::new(name.clone())).await?;
        if reply.verdict() == Verdict::No {
            yes(ask(wire, format!("HELO {name}\r\n")).await?)?;
            return Ok(Extensions::default());
        }
        let extensions = Extensions::of(&yes(reply)?);
        self.stage = before;
        Ok(extensions)
    }
}

pub(super) async fn ask(wire: &mut Wire, command: impl std::fmt::Display) -> Result<Reply, Fault> {
    wire.command(&[&command.to_string()]).await?;
    wire.reply().await
}

pub(super) fn yes(reply: Reply) -> Result<Reply, Problem> {
    if reply.verdict() == Verdict::Yes { Ok(reply) } else { Err(Problem::Refused(reply)) }
}

pub(super) fn go_on(reply: Reply) -> Result<(), Problem> {
    if reply.verdict() == Verdict::GoOn { Ok(()) } else { Err(Problem::Refused(reply)) }
}
