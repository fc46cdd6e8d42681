//! The way out: composing messages and handing them to a relay.
//!
//! A [`Mailer`] knows the relays. A [`Line`] from it is the right to send over one connection; its `send` tells the
//! [`Outcome`].

mod body;
pub mod compose;
pub mod dkim;
pub mod dkim_keys;
pub mod frozen;
mod head;
mod headers;
mod line;
pub mod mailbox;
mod mailer;
mod outcome;
mod pool;
mod quoted_printable;
mod relay;
mod smtp;
mod tls;

pub use line::Line;
pub use mailer::{Mailer, MailerError};
pub use outcome::{Outcome, Outgoing};
pub use pool::Priority;
