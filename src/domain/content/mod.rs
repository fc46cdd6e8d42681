//! Articles, feeds and pictures.

pub mod article;
pub mod feed_notes;
pub mod feed_trouble;
pub mod flood;
pub mod made_picture;
pub mod picture;
pub mod polling;
pub mod same_article;
