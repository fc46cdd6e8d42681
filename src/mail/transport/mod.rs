//! Hands messages to relays, each of which is a `lettre::AsyncTransport`.

mod lease;
mod mailbox;
mod mailer;
mod outcome;
mod pool;
mod relay;
mod sendmail;
mod smtp;

pub use lease::ConnectionLease;
pub use mailer::{Mailer, MailerError};
pub use outcome::{SendError, SendResult, answer_of};
pub use pool::Priority;

use crate::domain::subscriber::email_address::EmailAddress;
use lettre::address::Envelope;

/// Returns the envelope of a message to one recipient.
pub fn envelope(sender: &EmailAddress, recipient: &EmailAddress) -> Envelope {
    let (sender, recipient) = (sender.as_address().clone(), recipient.as_address().clone());
    Envelope::new(Some(sender), vec![recipient]).expect("it has a recipient")
}
