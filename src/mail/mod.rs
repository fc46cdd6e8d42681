//! Email on its way out: `message` composes and signs, `transport` hands over to relays.
//!
//! A [`Mailer`] knows the relays. A [`ConnectionLease`] from it is the right to send over one connection, and a
//! `lettre::AsyncTransport`.

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
