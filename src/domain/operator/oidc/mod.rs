//! Sign-in through an OpenID provider: the rules of OpenID Connect Core 1.0, without I/O.

pub mod claims;
pub mod client_secret;
pub mod flow;
pub mod issuer;

/// An account at a provider. A provider never gives a subject to anybody else, unlike an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub issuer: String,
    pub subject: String,
}

impl Identity {
    /// Returns the identity in two columns that are filled together.
    pub fn from_columns(issuer: Option<&str>, subject: Option<&str>) -> Option<Self> {
        Some(Self { issuer: issuer?.to_owned(), subject: subject?.to_owned() })
    }
}
