//! What the scheduler runs every second: what is due is found in our own tables, never remembered.

pub mod apply_retention;
pub mod end_pauses;
pub mod remind_operators;
pub mod tend_pending;
pub mod wake_reading;
pub mod watch_signups;
