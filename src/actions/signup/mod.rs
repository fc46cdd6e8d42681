//! A reader signs up and confirms.

pub mod blocked_domains;
pub mod challenge;
pub mod confirm;
pub mod mail_servers;
pub mod signup_batcher;
pub mod subscribe;
