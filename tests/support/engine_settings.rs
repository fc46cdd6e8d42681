//! Names of settings that stories about the sending engine and the benchmark give it, in one place.

// The benchmark uses one part of this, the tests another.
#![allow(dead_code)]

/// Connections to the relay.
pub const CONNECTIONS: &str = "DAILY__RELAYS__0__CONNECTIONS";

/// How long a dead worker's rows stay its own on a server, in seconds: the setting and its least value. `None`: it can't
/// be set, and is [`FIXED_LEASE_SECONDS`].
pub const LEASE: Option<(&str, &str)> = Some(("DAILY__SENDING__LEASE_SECONDS", "5"));

/// The lease where it can't be set, with the shortest time limit for a mail.
pub const FIXED_LEASE_SECONDS: u64 = 30 + 1 + 60;

/// What a DKIM key is configured with; `0` is the first key's number.
pub const DKIM_DOMAIN: &str = "DAILY__DKIM__0__DOMAIN";
/// The same.
pub const DKIM_SELECTOR: &str = "DAILY__DKIM__0__SELECTOR";
/// The same.
pub const DKIM_KEY_FILE: &str = "DAILY__DKIM__0__KEY_FILE";
