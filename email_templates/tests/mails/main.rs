//! What the mails look like and what they promise, as one test binary.

mod already_subscribed;
mod confirmation;
mod digest;
mod digest_archive;
mod fixtures;
mod hostile_input;
mod reading;
