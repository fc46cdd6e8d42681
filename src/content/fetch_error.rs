//! Errors of fetches. Each message says what happened, to which address, and what to do.

use std::time::Duration;

use crate::content::address_filter::RefusedAddress;

/// The reason why a document was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be built.
    #[error(
        "can't set up the HTTP client: {reason}; check that the system has certificates (package ca-certificates)"
    )]
    Setup {
        /// The client's error message.
        reason: String,
    },
    /// The scheme is not `http` or `https`.
    #[error(
        "refused to fetch {url}: only http and https addresses are fetched, not {scheme}; give the address a \
             browser shows"
    )]
    Scheme { url: String, scheme: String },
    /// The address has a user name or password.
    #[error(
        "refused to fetch {url} with a user name and password in the address: they would end up in logs and \
             mails; give an address that needs none"
    )]
    Credentials {
        /// The address without the credentials.
        url: String,
    },
    /// The address, or every address that its name resolves to, is not public.
    #[error("refused to fetch {url}: {refused}; if this is meant, add it to feeds.allow_networks")]
    Refused {
        url: String,
        /// The network address and its kind.
        refused: RefusedAddress,
    },
    /// Another request to the host is running, or the host is paused: see `host_limiter`.
    #[error("{url} was not asked yet: it is not our turn at its host for {} s more", .wait.as_secs_f32())]
    HostBusy {
        url: String,
        /// Shortest time to wait.
        wait: Duration,
    },
    /// Connection failed, name not found, or TLS error.
    #[error("could not reach {url}: {reason}; check the address in a browser, or try again later")]
    Unreachable {
        url: String,
        /// The connection's error message.
        reason: String,
    },
    /// The whole fetch took too long.
    #[error("gave up on {url} after {} s: the site answers too slowly; try again later, or raise feeds.timeout_seconds",
            .after.as_secs_f32())]
    TimedOut {
        /// The address before redirects.
        url: String,
        /// The time limit.
        after: Duration,
    },
    /// The connection broke, or the compressed body is damaged.
    #[error("the answer of {url} broke off: {reason}; try again later")]
    Broken {
        url: String,
        /// The connection's error message.
        reason: String,
    },
    /// The body is longer than allowed, after decompression.
    #[error(
        "stopped reading {url} after {limit_bytes} bytes (decompressed); if it is a feed, ask the site for a \
             shorter one, or raise feeds.max_bytes"
    )]
    TooLarge { url: String, limit_bytes: u64 },
    /// A redirect without a usable target.
    #[error("{url} redirects to {location:?}, which is no address; the site has to mend this")]
    BadRedirect {
        url: String,
        /// The `Location` header.
        location: String,
    },
    /// A redirect leads back to an earlier address.
    #[error("the redirects run in a circle: {}; give the address a browser ends at", .chain.join(" -> "))]
    RedirectLoop {
        /// The addresses in order. The last one repeats an earlier one.
        chain: Vec<String>,
    },
    /// More redirects than allowed.
    #[error("more than {limit} redirects: {}; give the address a browser ends at", .chain.join(" -> "))]
    TooManyRedirects {
        /// The addresses in order. The last one was not requested.
        chain: Vec<String>,
        limit: usize,
    },
    /// Status 410: permanently gone.
    #[error("{url} is gone for good (410); remove it, or find its new address")]
    Gone { url: String },
    /// Any other response without a document.
    #[error("{url} answered {status}{}; {}", status_name(*.status), status_cure(*.status))]
    Status {
        url: String,
        status: u16,
        /// Delay that the site asks for (`Retry-After`).
        retry_after: Option<Duration>,
    },
}

impl FetchError {
    /// Returns the HTTP status, if the site answered with an error status.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Gone { .. } => Some(410),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns whether the document doesn't exist (404, 410), as opposed to a problem on the way.
    pub fn is_absent(&self) -> bool {
        matches!(self.status(), Some(404 | 410))
    }

    /// Returns whether a later retry may succeed without any change.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::HostBusy { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }
}

fn status_name(status: u16) -> String {
    let reason = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn status_cure(status: u16) -> &'static str {
    match status {
        401 | 403 => "the site does not let this program in; ask its owner to allow our user agent",
        429 => "we ask too often; it is tried again later",
        500..=599 => "the site has trouble; it is tried again later",
        _ => "check the address in a browser",
    }
}
