//! Operators manage the list of recipients of notices.

pub mod add_operator;
pub mod address;
pub mod remove_operator;
