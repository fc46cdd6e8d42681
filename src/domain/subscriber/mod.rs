//! Subscribers: addresses, subscriptions, preferences and consent.

pub mod address_text;
pub mod cadence;
pub mod consent;
pub mod consent_chain;
pub mod email_address;
pub mod erasure;
pub mod inbox;
pub mod pause;
pub mod preferences;
pub mod request;
pub mod sections;
pub mod subscription;
pub mod unsubscribe_address;
