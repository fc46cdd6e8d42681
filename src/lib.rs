//! Daily: articles in, a digest in every confirmed reader's inbox each morning.
//!
//! The map. Data flows one way: pages, API and command line (`web`, `cli`) call `actions`; what happens by itself is in
//! `jobs`; both write through `db` and wake work through `queue`; `mail` is the only way out. `domain` holds the words and
//! rules and knows nothing of the rest. `docs/architecture.md` follows one mail on its way.

pub mod actions;
pub mod app;
pub mod cli;
pub mod clock;
pub mod content;
pub mod db;
pub mod delivery;
pub mod domain;
pub mod i18n;
pub mod issues;
pub mod jobs;
pub mod mail;
pub mod queue;
pub mod random;
pub mod service;
pub mod settings;
pub mod telemetry;
pub mod web;
