//! What readers see, a file a page.

pub mod challenge;
pub mod confirm;
mod did_you_mean;
pub mod issues;
pub mod issues_feed;
pub mod preferences;
mod reach;
pub mod signup;
pub mod subscribe;
mod timing_guard;
pub mod unsubscribe;
mod what_is_wrong;
