//! Makes issues: plans, editions, rendering, and forecasts of what readers will get.

pub mod edition;
pub mod forecast;
pub mod next;
pub mod note;
pub mod page;
pub mod plan;
pub mod render;
pub mod revision;
pub mod story_pictures;
