//! From an open door to a conversation that is ready to send: greeting, EHLO, STARTTLS, AUTH.

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
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// How many steps' time opening may take in all. It takes up to nine round trips, but not nine times the patience.
pub(super) const OPENING_STEPS: u32 = 2;

/// A conversation that is being opened.
pub(super) struct Opening<'a> {
    dial: &'a Dial,
    stage: Stage,
}

/// Why it is not opened.
enum Problem {
    /// The relay said no.
    Refused(Reply),
    Fault(Fault),
    /// It can't be gone on with.
    Unfit(&'static str),
    /// An answer that is complete already.
    Told(Answer),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<'a> Opening<'a> {
    pub fn new(dial: &'a Dial) -> Self {
        Self { dial, stage: Stage::Connect }
    }

    /// How far it came.
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
                Problem::Told(answer) => answer,
            }
        })
    }

    async fn steps(&mut self) -> Result<Conversation, Problem> {
        let dial = self.dial;
        let mut stream = dial.connect().await.map_err(Problem::Told)?;
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
                return Err(Problem::Unfit("the relay does not offer STARTTLS"));
            }
            yes(ask(&mut wire, "STARTTLS").await?)?;
            // Whoever sits in between could have put replies behind this one, to be taken for the relay's own later.
            if wire.out_of_turn() {
                return Err(Problem::Unfit("something unprotected came after the answer to STARTTLS"));
            }
            // All that was learnt so far is forgotten (RFC 3207 section 4.2).
            wire = self.wire(self.protect(wire.into_stream()).await?);
            extensions = self.hello(&mut wire).await?;
        }
        if let Some((user, password)) = &dial.relay.login {
            self.stage = Stage::Auth;
            log_in(&mut wire, extensions, user, password).await?;
        }
        if wire.out_of_turn() {
            return Err(Problem::Unfit("the relay spoke out of turn"));
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
        let tls = self.dial.tls.as_ref().ok_or(Problem::Unfit("there is no TLS set up for this relay"))?;
        match tokio::time::timeout(self.dial.timeouts.step, tls.wrap(stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Problem::Told(trouble(&self.dial.name, Stage::Tls, &error))),
            Err(_) => Err(Problem::Fault(Fault::Silent)),
        }
    }

    /// EHLO, or HELO for a relay that knows no extensions (RFC 5321 section 3.2).
    async fn hello(&mut self, wire: &mut Wire) -> Result<Extensions, Problem> {
        let before = std::mem::replace(&mut self.stage, Stage::Hello);
        let name = &self.dial.hello_name;
        let reply = ask(wire, &format!("EHLO {name}")).await?;
        if reply.verdict() == Verdict::No {
            yes(ask(wire, &format!("HELO {name}")).await?)?;
            return Ok(Extensions::default());
        }
        let extensions = Extensions::of(&yes(reply)?);
        self.stage = before;
        Ok(extensions)
    }
}

async fn ask(wire: &mut Wire, command: &str) -> Result<Reply, Fault> {
    wire.command(&[&format!("{command}\r\n")]).await?;
    wire.reply().await
}

fn yes(reply: Reply) -> Result<Reply, Problem> {
    if reply.verdict() == Verdict::Yes { Ok(reply) } else { Err(Problem::Refused(reply)) }
}

/// AUTH (RFC 4954). Whether the connection may carry a password was decided with the relay's URL.
async fn log_in(wire: &mut Wire, extensions: Extensions, user: &str, password: &str) -> Result<(), Problem> {
    if extensions.plain {
        if user.contains('\0') || password.contains('\0') {
            return Err(Problem::Unfit("a user name or password can't hold a NUL"));
        }
        let login = BASE64.encode(format!("\0{user}\0{password}"));
        yes(ask(wire, &format!("AUTH PLAIN {login}")).await?)?;
        return Ok(());
    }
    if extensions.login {
        go_on(ask(wire, "AUTH LOGIN").await?)?;
        go_on(ask(wire, &BASE64.encode(user)).await?)?;
        yes(ask(wire, &BASE64.encode(password)).await?)?;
        return Ok(());
    }
    Err(Problem::Unfit("the relay offers neither AUTH PLAIN nor AUTH LOGIN"))
}

fn go_on(reply: Reply) -> Result<(), Problem> {
    if reply.verdict() == Verdict::GoOn { Ok(()) } else { Err(Problem::Refused(reply)) }
}
