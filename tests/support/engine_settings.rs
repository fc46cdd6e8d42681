//! Names of settings that stories about sending share with the benchmark.

// The benchmark uses one part of this, and the tests another.
#![allow(dead_code)]

/// Connections to the relay.
pub const CONNECTIONS: &str = "DAILY__RELAYS__0__CONNECTIONS";

/// The lease in seconds: the setting and its least value. `None`: it can't be set, and is [`FIXED_LEASE_SECONDS`].
pub const LEASE: Option<(&str, &str)> = Some(("DAILY__SENDING__LEASE_SECONDS", "5"));

/// The lease if it can't be set, with the shortest time limit for a message.
pub const FIXED_LEASE_SECONDS: u64 = 30 + 1 + 60;

/// The settings of the first DKIM key, which has the number 0.
pub const DKIM_DOMAIN: &str = "DAILY__DKIM__0__DOMAIN";
/// The same.
pub const DKIM_SELECTOR: &str = "DAILY__DKIM__0__SELECTOR";
/// The same.
pub const DKIM_KEY_FILE: &str = "DAILY__DKIM__0__KEY_FILE";
