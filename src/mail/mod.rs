//! Outgoing email: `message` composes and signs, `transport` hands over to relays.
//!
//! A [`Mailer`] knows the relays. It lends out connections as [`ConnectionLease`]s, each of which is a
//! `lettre::AsyncTransport`.

pub mod inbound;
pub mod listener;
mod message;
mod transport;

pub use message::{
    compose::{ComposeError, Content, MessageTemplate, Recipient},
    dkim::Signers,
    dkim_keys::{DkimError, DkimKey, DkimKeys},
};
pub use transport::{
    ConnectionLease, Mailer, MailerError, Priority, SendError, SendResult, answer_of, envelope,
};
