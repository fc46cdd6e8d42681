//! Randomness: the only place that draws it.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use std::fmt::Write as _;

/// Random bytes from the operating system.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("without randomness from the system no key or token is safe");
    bytes
}

/// `N` random bytes as lower-case hexadecimal: claim tokens, message identifiers, process names.
pub fn hex<const N: usize>() -> String {
    bytes::<N>().iter().fold(String::with_capacity(2 * N), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
