//! `[tokens]`: the secrets that sign links.

use crate::{domain::token::MIN_SECRET_BYTES, settings::text::list};
use serde::{Deserialize, Deserializer};
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[(
    "tokens.secrets",
    "give each as 64 or more hexadecimal characters, such as `openssl rand -hex 32` prints",
)];

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Tokens {
    /// The first signs, all verify. Empty: the secret in the data folder does both.
    #[serde(deserialize_with = "secrets")]
    pub secrets: Vec<Secret>,
}

/// Bytes that are never shown.
#[derive(Clone)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

fn secrets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Secret>, D::Error> {
    list(from, |text| match hex(text) {
        Some(bytes) if bytes.len() >= MIN_SECRET_BYTES => Ok(Secret(bytes)),
        Some(bytes) => Err(format!("one is {} bytes long, which can be guessed", bytes.len())),
        None => Err("one is not hexadecimal".into()),
    })
}

/// Reads hexadecimal text.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    ::hex::decode(text.trim()).ok()
}
