//! Operators manage the list of recipients of notices, and arm a restored database.

pub mod add_operator;
pub mod address;
pub mod arm;
pub mod remove_operator;
