//! The consent ledger and its hash chain.

pub mod chain;
pub mod ledger;
