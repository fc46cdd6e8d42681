//! The only source of random values.

/// Returns random bytes from the operating system. The generator of aws-lc-rs would first test itself, which
/// takes longer than everything else that a short command does.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("without randomness from the system no key or token is safe");
    bytes
}

/// Returns a number in [0, 1).
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes())) / (f64::from(u32::MAX) + 1.0)
}

/// Returns `N` random bytes as lowercase hexadecimal, for message identifiers and process names.
pub fn hex<const N: usize>() -> String {
    ::hex::encode(bytes::<N>())
}
