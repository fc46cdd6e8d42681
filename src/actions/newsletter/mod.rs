//! Operators add and change newsletters.

pub mod add_newsletter;
pub mod set_newsletter;
