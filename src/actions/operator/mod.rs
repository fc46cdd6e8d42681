//! Operators manage who gets notices.

pub mod add_operator;
pub mod address;
pub mod remove_operator;
