//! Snapshots and rules of the emails, in one test binary.

#![expect(clippy::unwrap_used, reason = "a test fails where a part of an email is missing")]

mod already_subscribed;
mod confirmation;
mod contrast;
mod digest;
mod fixtures;
mod goodbye;
mod hostile_input;
mod languages;
mod notice;
mod outlook;
mod reading;
mod request;
mod structure;
mod welcome;
mod with_services;
