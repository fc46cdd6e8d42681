//! The integration tests: one binary, so that Daily is linked once. Stories about the database run on both engines.
//!
//! Test names say what a story needs. `on_postgres` needs PostgreSQL, `with_services` needs other programs, and
//! everything else needs nothing but Daily. `script/test` selects tests by these words.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed, and says where")]

mod abuse;
mod archive;
mod audit;
mod challenge;
mod cli;
mod config;
mod confirming;
mod consent;
mod data_export;
mod database;
mod desk;
mod editing;
mod faults;
mod feeds;
mod fence;
mod forgetting;
mod forms;
mod governing;
mod imports;
mod issues;
mod languages;
mod leaving;
mod looks;
mod mail_domains;
mod mails;
mod moving;
mod newsletters;
mod openapi;
mod operate;
mod own_page;
mod pages;
mod pauses;
mod pending;
mod plans;
mod preferences;
mod relays;
mod retention;
mod schedule;
mod sending;
mod signup;
mod support;
mod torture;
mod waves;
mod wire;
mod with_services;
