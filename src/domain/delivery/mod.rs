//! Deliveries, relays, and the rules for retries, breaker and rates.

pub mod bounce_address;
pub mod breaker;
pub mod dkim;
pub mod email;
pub mod enhanced_code;
pub mod incoming;
pub mod proof;
pub mod receipt;
pub mod relay;
pub mod resend;
pub mod retry;
pub mod send_rate;
pub mod status;
pub mod suppression_policy;
