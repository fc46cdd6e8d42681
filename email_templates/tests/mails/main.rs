//! What the mails look like and what they promise, as one test binary.

mod already_subscribed;
mod confirmation;
mod digest;
mod digest_archive;
mod fixtures;
mod goodbye;
mod hostile_input;
mod notice;
mod reading;
mod welcome;
