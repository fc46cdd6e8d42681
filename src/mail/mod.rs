//! Email on its way out: `message` composes and signs, `transport` hands over to relays.
//!
//! A [`Mailer`] knows the relays. A [`Line`] from it is the right to send over one connection; its `send` tells the
//! [`Outcome`].

mod message;
mod transport;

pub use message::{
    compose::{ComposeError, Content, MessageTemplate, Recipient},
    dkim::Signers,
    dkim_keys::{DkimError, DkimKey, DkimKeys},
};
pub use transport::{Line, Mailer, MailerError, Outcome, Outgoing, Priority};
