//! Issues: when they are due, and which stories they have.

pub mod days;
pub mod plan;
pub mod schedule;
pub mod selection;
pub mod status;
pub mod wave;
