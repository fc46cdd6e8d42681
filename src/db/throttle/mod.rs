//! Limits of relays and destinations, shared by all processes.

pub mod connection_quotas;
pub mod holds;
pub mod send_rates;
