//! Pages for readers, one file per page.

pub mod challenge;
pub mod confirm;
mod did_you_mean;
pub mod embed;
pub mod field_errors;
mod issue_page;
pub mod issues;
pub mod issues_feed;
mod latest;
pub mod mx_guard;
mod pause_choices;
pub mod pictures;
pub mod preferences;
pub mod signup;
pub mod signup_form;
pub mod sitemap;
pub mod subscribe;
mod timing_guard;
pub mod unsubscribe;
