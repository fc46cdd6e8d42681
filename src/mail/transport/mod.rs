//! Hands messages to relays.

mod line;
mod mailbox;
mod mailer;
mod outcome;
mod pool;
mod relay;
mod smtp;

pub use line::Line;
pub use mailer::{Mailer, MailerError};
pub use outcome::{Outcome, Outgoing};
pub use pool::Priority;
