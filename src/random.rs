//! Randomness: the only place that draws it.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

/// Random bytes from the operating system.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("without randomness from the system no key or token is safe");
    bytes
}

/// A number from 0 up to, but not including, 1.
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes())) / (f64::from(u32::MAX) + 1.0)
}

/// `N` random bytes as lower-case hexadecimal: message identifiers, process names.
pub fn hex<const N: usize>() -> String {
    ::hex::encode(bytes::<N>())
}
