//! What the mails look like and what they promise, as one test binary.

#![expect(
    clippy::unwrap_used,
    reason = "a mail that lacks what is looked for is wrong, and the test says where"
)]

mod already_subscribed;
mod confirmation;
mod contrast;
mod digest;
mod digest_archive;
mod fixtures;
mod goodbye;
mod hostile_input;
mod languages;
mod notice;
mod reading;
mod request;
mod structure;
mod welcome;
mod with_services;
