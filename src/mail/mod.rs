//! The way out: composing messages and handing them to a relay.

pub mod compose;
pub mod mailbox;
mod session;
mod smtp;
mod tls;

pub use session::{Mailer, MailerError, Outcome, Outgoing, Session};
