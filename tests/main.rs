//! The integration tests: one binary, so that Daily is linked once. Stories about the database run on both
//! engines.
//!
//! Test names say what a story needs. `on_postgres` needs PostgreSQL, `with_services` needs other programs,
//! and everything else needs nothing but Daily. `script/test` selects tests by these words.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed, and says where")]

mod abuse;
mod address_change;
mod archive;
mod article_pages;
mod audit;
mod backup;
mod bounces;
mod challenge;
mod cli;
mod config;
mod confirmation;
mod consent;
mod data_export;
mod database;
mod delivery_fence;
mod demo;
mod docs;
mod editing;
mod editing_commands;
mod erasure;
mod faults;
mod feeds;
mod forms;
mod help;
mod imports;
mod issue_commands;
mod issues;
mod kept_past;
mod languages;
mod mail_domains;
mod monitoring;

mod newsletters;
mod next_issue;
mod openapi;
mod operators;
mod pages;
mod pauses;
mod pictures;
mod plans;
mod preferences;
mod preferences_page;
mod reader_counts;
mod readiness;
mod relays;
mod resending;
mod retention;
mod schedule;
mod sections;
mod sending;
mod service_manager;
mod signup;
mod single_emails;
mod single_readers;
mod smtp_injection;
mod support;
mod suppressions;
mod throttle;
mod torture;
mod unconfirmed;
mod unsubscribe;
mod waves;
mod with_services;
mod wrong_clock;
