//! Deliveries, relays, and the rules for retries, breaker and rates.

pub mod breaker;
pub mod dkim;
pub mod email;
pub mod enhanced_code;
pub mod relay;
pub mod retry;
pub mod send_rate;
pub mod status;
