//! What readers see, a file a page.

pub mod confirm;
mod did_you_mean;
pub mod issues;
pub mod issues_feed;
mod moment;
pub mod preferences;
pub mod proof;
mod reach;
pub mod signup;
pub mod subscribe;
pub mod unsubscribe;
mod what_is_wrong;
