//! Signups and their confirmation.

pub mod address_policy;
pub mod attack_status;
pub mod blocked_domains;
pub mod challenge;
pub mod confirm;
pub mod context;
pub mod mail_servers;
pub mod request;
pub mod signup_batcher;
pub mod subscribe;
