//! Operators connect feeds, and add, pin and hide articles.

pub mod accept_feed;
pub mod add_article;
pub mod add_feed;
pub mod poll_soon;
pub mod source;
