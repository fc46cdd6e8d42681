//! The integration tests: one binary, so that Daily is linked once. Every story that touches the database is told on both
//! engines.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed, and says where")]

mod abuse;
mod architecture;
mod archive;
mod axe;
mod browser;
mod cli;
mod config;
mod confirming;
mod consent;
mod database;
mod desk;
mod dkim;
mod editing;
mod embed;
mod faults;
mod feeds;
mod fence;
mod forgetting;
mod fuzz;
mod governing;
mod imports;
mod issues;
mod languages;
mod leaving;
mod looks;
mod mails;
mod newsletters;
mod openapi;
mod operate;
mod pages;
mod plans;
mod postfix;
mod preferences;
mod proofs;
mod relays;
mod schedule;
mod sending;
mod signup;
mod spam_score;
mod support;
mod torture;
mod waves;
mod wire;
