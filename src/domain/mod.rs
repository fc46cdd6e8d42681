//! Words and rules, without I/O.
//!
//! Nothing here knows SQL, HTTP or SMTP. Each file owns one word of the field (`docs/architecture.md`): what its values
//! may be and what follows from them.

pub mod actor;
pub mod article;
pub mod breaker;
pub mod cadence;
pub mod challenge;
pub mod client_address;
pub mod columns;
pub mod consent;
pub mod consent_chain;
pub mod days;
pub mod delivery;
pub mod dkim;
pub mod email_address;
pub mod enhanced_code;
pub mod feed_trouble;
pub mod forgotten;
pub mod ids;
pub mod import;
pub mod issue;
pub mod joining_wording;
pub mod leaving_address;
pub mod mail;
pub mod mail_domains;
pub mod mail_exchange;
pub mod newsletter;
pub mod pace;
pub mod pause;
pub mod picture;
pub mod plan;
pub mod polling;
pub mod preferences;
pub mod rate_limit;
pub mod reader_request;
pub mod relay;
pub mod retention;
pub mod retry;
pub mod schedule;
pub mod sections;
pub mod selection;
pub mod signup_alarm;
pub mod signup_limit;
pub mod signup_proof;
pub mod signup_wording;
pub mod subscription;
pub mod theme;
pub mod token;
pub mod wave;
mod words;
pub mod zones;

pub use words::UnknownWord;
