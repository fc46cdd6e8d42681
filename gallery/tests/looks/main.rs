//! What emails look like in a browser: measured, because pictures of text differ between machines.

mod with_services;
