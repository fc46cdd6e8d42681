//! Work that the scheduler runs every second, or workers at longer intervals. Each function finds due work in the
//! database and keeps no state.

pub mod apply_retention;
pub mod end_pauses;
pub mod remind_operators;
pub mod report_destinations;
pub mod sort_readers;
pub mod unconfirmed_signups;
pub mod verify_counts;
pub mod wake_content;
pub mod watch_public_url;
pub mod watch_signups;
