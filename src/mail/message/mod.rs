//! Composes and signs messages.

pub(super) mod compose;
pub(super) mod dkim;
pub(super) mod dkim_keys;
mod quoted_printable;
