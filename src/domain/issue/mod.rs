//! Issues: schedule, story selection and plans.

pub mod days;
pub mod plan;
pub mod schedule;
pub mod selection;
pub mod status;
pub mod wave;
