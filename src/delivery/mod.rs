//! The sending engine: delivers issues and single emails to relays.
//!
//! A job of an issue is one delivery run ([`run`], [`delivery_run`]). It claims deliveries and hands them to
//! connection tasks, which begin, send and record each of them through the [`recorder`]. The [`throttle`]
//! limits relays and destinations.

pub mod arming;
pub mod connection_task;
pub mod context;
pub mod delivery_run;
mod destinations;
pub mod email_content;
pub mod email_recorder;
pub mod mailing;
pub mod notify_operators;
pub mod recorder;
pub mod run;
pub mod schedule_next;
pub mod throttle;
