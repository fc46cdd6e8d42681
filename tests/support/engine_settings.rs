//! Names of settings that stories about sending share with the benchmark.

// The benchmark and the tests each use a part of this module.
#![allow(dead_code)]

pub const CONNECTIONS: &str = "DAILY__RELAYS__0__CONNECTIONS";

/// The setting for the lease in seconds, and its lowest value. `None` if it can't be set and is
/// [`FIXED_LEASE_SECONDS`].
pub const LEASE: Option<(&str, &str)> = Some(("DAILY__SENDING__LEASE_SECONDS", "5"));

/// The lease if it can't be set, with the shortest time limit for a message.
pub const FIXED_LEASE_SECONDS: u64 = 30 + 1 + 60;

/// Settings of the first DKIM key.
pub const DKIM_DOMAIN: &str = "DAILY__DKIM__0__DOMAIN";
pub const DKIM_SELECTOR: &str = "DAILY__DKIM__0__SELECTOR";
pub const DKIM_KEY_FILE: &str = "DAILY__DKIM__0__KEY_FILE";
