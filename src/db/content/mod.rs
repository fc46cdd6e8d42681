//! Feeds, articles and their pictures.

pub mod articles;
pub mod feeds;
pub mod pictures;
