//! Feeds and articles.

pub mod articles;
pub mod feeds;
