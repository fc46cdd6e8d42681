//! Errors of a sign-in at the provider.

/// The reason why a provider signed nobody in. Cheap to clone, because a failure is remembered for a while.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("the HTTP client can't be set up ({0})")]
    Setup(String),
    #[error("{url} can't be reached ({reason})")]
    Unreachable { url: String, reason: String },
    #[error("{url} answered {status}")]
    Status { url: String, status: u16 },
    #[error("{url} sent more than {limit} bytes")]
    TooLarge { url: String, limit: usize },
    #[error("{url} sent something else than expected ({reason})")]
    Unreadable { url: String, reason: String },
    /// The discovery document is that of another provider.
    #[error("{url} is the document of “{found}”, not of “{configured}”")]
    OtherIssuer { url: String, found: String, configured: String },
    #[error("{url} names an address without HTTPS, {endpoint}")]
    Insecure { url: String, endpoint: String },
    #[error("the provider signs ID tokens with none of RS256, ES256 and EdDSA")]
    Algorithms,
    #[error("the provider takes a client's secret neither in a header nor in a form")]
    Authentication,
    #[error("{path} can't be read as a client's secret ({reason})")]
    Secret { path: String, reason: String },
    /// The provider doesn't know Daily, or expects another secret.
    #[error("the provider doesn't accept Daily as its client ({0})")]
    Client(String),
    #[error("the provider took too long")]
    TimedOut,
    /// The code, the token or the account doesn't count. Everything else is trouble with the provider.
    #[error("{0}")]
    Refused(String),
}

impl ProviderError {
    pub(super) fn refused(reason: impl std::fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }
}
