//! Signup: limits, and protection against automated requests.

pub mod alarm;
pub mod challenge;
pub mod client_address;
pub mod form_token;
pub mod limits;
pub mod mail_domains;
pub mod mail_exchange;
