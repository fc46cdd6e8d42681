//! One SMTP session (RFC 5321), from connecting to QUIT.
//!
//! | file | owns |
//! |---|---|
//! | `dialer`, `addresses` | connecting, and time limits |
//! | `wire` | reading and writing, with timeouts |
//! | `reply`, `extensions` | replies and extensions of the relay |
//! | `open`, `auth` | greeting, EHLO, STARTTLS, AUTH |
//! | `message` | checks of a message, and dot-stuffing |
//! | `tls` | certificates and the handshake |
//! | `send` | one message: MAIL, RCPT, DATA, the message, and its outcome |
//!
//! A session is *ready* only between two messages. An interrupted step (an error, a timeout, a dropped
//! future) leaves it not ready, and then it is never used again: the next reply could belong to another
//! message.

mod addresses;
mod auth;
mod dialer;
mod extensions;
#[cfg(test)]
pub(super) mod fake_relay;
mod message;
mod open;
mod reply;
mod send;
#[cfg(test)]
mod tests;
pub(super) mod tls;
mod wire;

use crate::{
    domain::delivery::status::{Answer, Stage},
    mail::transport::smtp::{
        extensions::Extensions,
        reply::Reply,
        wire::{Stream, Wire, WireError},
    },
};
pub(super) use dialer::{Dialer, Timeouts};
pub(super) use send::Attempt;

use lettre::transport::smtp::commands::Quit;
use std::{sync::Arc, time::Duration};

/// An open, encrypted (if required) and authenticated session.
pub(super) struct SmtpSession {
    wire: Wire,
    /// The relay's name, for answers.
    relay: Arc<str>,
    extensions: Extensions,
    /// Maximum wait for the answer to a message.
    answer_timeout: Duration,
    /// Whether the session is between two messages and in step with the relay.
    ready: bool,
    /// Whether the relay still has an unused envelope, so that RSET must precede the next one.
    needs_reset: bool,
    /// Number of messages begun.
    messages: u32,
}

impl SmtpSession {
    /// Whether the session can carry another message.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Returns the number of messages begun.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Sends QUIT (RFC 5321 section 4.1.1.10) if the session is ready, and closes the connection.
    pub async fn quit(mut self) {
        if self.ready {
            self.wire.begin_phase(1);
            if self.wire.command(&[&Quit.to_string()]).await.is_ok() {
                // The reply doesn't matter.
                let _ = self.wire.reply().await;
            }
        }
        self.wire.shut_down().await;
    }

    fn answer(&self, stage: Stage, reply: &Reply) -> Answer {
        Answer::new(&*self.relay, Some(reply.code), &reply.text()).at(stage)
    }

    fn wire_failure(&self, stage: Stage, error: &WireError) -> Answer {
        failure(&self.relay, stage, error)
    }
}

/// Returns the answer for a failure without a reply.
fn failure(relay: &str, stage: Stage, problem: &dyn std::fmt::Display) -> Answer {
    let context = match stage {
        Stage::Connect => "can't connect",
        Stage::Greeting => "at the greeting",
        Stage::Hello => "at EHLO",
        Stage::Tls => "TLS negotiation failed",
        Stage::Auth => "at AUTH",
        Stage::Mail => "at MAIL",
        Stage::Rcpt => "at RCPT",
        Stage::Data => "at DATA",
        Stage::Message => "after the message",
    };
    Answer::new(relay, None, &format!("{context}: {problem}")).at(stage)
}
