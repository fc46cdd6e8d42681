//! Daily turns articles into a digest and emails it to confirmed subscribers every morning.
//!
//! Data flows one way. Web pages and the command line (`web`, `cli`) call `actions`. Scheduled and queued
//! work is in `jobs`. Both write through `db` and wake work through `queue`. Only `mail` sends anything.
//! `domain` holds the rules and imports nothing else. `docs/architecture.md` follows one email from signup to
//! relay.

pub mod actions;
pub mod app;
pub mod cli;
pub mod clock;
pub mod content;
pub mod db;
pub mod delivery;
pub mod domain;
pub mod http_client;
pub mod i18n;
pub mod issues;
pub mod jobs;
pub mod mail;
pub mod metrics;
pub mod oidc;
pub mod queue;
pub mod random;
pub mod secrets;
pub mod service;
pub mod settings;
pub mod telemetry;
pub mod web;
