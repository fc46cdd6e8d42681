//! Making an issue: its stories, its look, and the forecast of what readers will get.

pub mod edition;
pub mod forecast;
pub mod note;
pub mod plan;
pub mod render;
