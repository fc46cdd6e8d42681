//! One SMTP conversation (RFC 5321), from connecting to QUIT.
//!
//! | file | owns |
//! |---|---|
//! | `dial`, `addresses` | connecting, and how long everything may take |
//! | `wire` | bytes out and in, each wait with its limit |
//! | `reply`, `extensions` | what the relay says, and what it can do |
//! | `open`, `auth` | greeting, EHLO, STARTTLS, AUTH |
//! | `message` | what may leave, and dot-stuffing |
//! | `tls` | certificates, and the handshake |
//! | `send` | one message: MAIL, RCPT, DATA, the message itself, and its outcome |
//!
//! A conversation is *ready* between two messages only. Whatever cuts a step short (a fault, a limit, a future that is dropped)
//! leaves it not ready, and then it is never used again: the next reply read from it would be another message's.

mod addresses;
mod auth;
mod dial;
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
        wire::{Fault, Stream, Wire},
    },
};
pub(super) use dial::{Dial, Timeouts};
pub(super) use send::Attempt;

use lettre::transport::smtp::commands::Quit;
use std::{sync::Arc, time::Duration};

/// An open, greeted, protected and authenticated connection.
pub(super) struct Conversation {
    wire: Wire,
    /// The relay's name, for answers.
    relay: Arc<str>,
    extensions: Extensions,
    /// Longest wait for the answer to a message.
    answer_timeout: Duration,
    /// Between two messages, and in step with the relay.
    ready: bool,
    /// The relay remembers an envelope that came to nothing: RSET goes before the next one.
    envelope_left: bool,
    /// Messages begun so far.
    messages: u32,
}

impl Conversation {
    /// Whether the next message can go over it.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Returns how many messages were begun over it.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Says goodbye (RFC 5321 section 4.1.1.10), if the relay still listens.
    pub async fn quit(mut self) {
        if self.ready {
            self.wire.begin_phase(1);
            if self.wire.command(&[&Quit.to_string()]).await.is_ok() {
                // Whatever it answers: it is over.
                let _ = self.wire.reply().await;
            }
        }
        self.wire.shut_down().await;
    }

    fn answer(&self, stage: Stage, reply: &Reply) -> Answer {
        Answer::new(&*self.relay, Some(reply.code), &reply.text()).at(stage)
    }

    fn fault(&self, stage: Stage, fault: &Fault) -> Answer {
        trouble(&self.relay, stage, fault)
    }
}

/// Returns the answer for a problem without a reply.
fn trouble(relay: &str, stage: Stage, problem: &dyn std::fmt::Display) -> Answer {
    let place = match stage {
        Stage::Connect => "can't connect",
        Stage::Greeting => "at the greeting",
        Stage::Hello => "at EHLO",
        Stage::Tls => "TLS can't be agreed on",
        Stage::Auth => "at AUTH",
        Stage::Mail => "at MAIL",
        Stage::Rcpt => "at RCPT",
        Stage::Data => "at DATA",
        Stage::Message => "after the message",
    };
    Answer::new(relay, None, &format!("{place}: {problem}")).at(stage)
}
