//! Issues: schedule, story selection and plans.

pub mod cohort;
pub mod date_word;
pub mod days;
pub mod next_issue;
pub mod page;
pub mod plan;
pub mod readiness;
pub mod revision;
pub mod schedule;
pub mod sections;
pub mod selection;
pub mod status;
pub mod wave;
