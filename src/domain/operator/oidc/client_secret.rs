//! The secret by which a provider knows Daily.

use std::{fmt, path::PathBuf};

/// The source of the secret. A file is read at each sign-in, so that a new secret needs no restart.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientSecret {
    Text(String),
    File(PathBuf),
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}
