//! Email on its way out: `message` composes and signs, `transport` hands over to relays.
//!
//! A [`Mailer`] knows the relays. A [`Line`] from it is the right to send over one connection; its `send` tells the
//! [`Outcome`].

mod message;
mod transport;

pub use message::{
    ComposeError,
    compose::{Draft, compose},
    dkim::Signers,
    dkim_keys::{DkimError, DkimKey, DkimKeys},
    frozen::{Frozen, Issue, Personal, encode_part},
};
pub use transport::{Line, Mailer, MailerError, Outcome, Outgoing, Priority};
