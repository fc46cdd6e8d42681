//! Data export, erasure, and verification of the consent ledger.

pub mod data_export;
pub mod erase;
pub mod verify_consent;
