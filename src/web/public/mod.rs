//! Pages for readers, one file per page.

pub mod challenge;
pub mod confirm;
mod did_you_mean;
pub mod field_errors;
pub mod issues;
pub mod issues_feed;
pub mod mx_guard;
pub mod pictures;
pub mod preferences;
pub mod signup;
pub mod signup_form;
pub mod subscribe;
mod timing_guard;
pub mod unsubscribe;
