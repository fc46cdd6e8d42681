//! What can go wrong when fetching: each says what happened, to which address, and what to do about it.

use std::time::Duration;

use crate::content::address_filter::RefusedAddress;

/// Why a document was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be built.
    #[error(
        "cannot set up the HTTP client: {reason}; check the user agent in the feeds section of the configuration"
    )]
    Setup {
        /// What the client said.
        reason: String,
    },
    /// Not `http` or `https`.
    #[error(
        "refused to fetch {url}: only http and https addresses are fetched, not {scheme}; give the address a \
             browser shows"
    )]
    Scheme { url: String, scheme: String },
    /// A user name or password in the address.
    #[error(
        "refused to fetch {url} with a user name and password in the address: they would end up in logs and \
             mails; give an address that needs none"
    )]
    Credentials {
        /// The address without them.
        url: String,
    },
    /// The address, or all the addresses its name stands for, are not public.
    #[error("refused to fetch {url}: {refused}; if this is meant, add it to feeds.allow_networks")]
    Refused {
        url: String,
        /// The network address and what it is.
        refused: RefusedAddress,
    },
    /// The host is asked something already, or wants to be left alone: see `turns`.
    #[error("{url} was not asked yet: it is not our turn at its host for {} s more", .wait.as_secs_f32())]
    HostBusy {
        url: String,
        /// How long to wait at least.
        wait: Duration,
    },
    /// No connection, no such name, TLS trouble.
    #[error("could not reach {url}: {reason}; check the address in a browser, or try again later")]
    Unreachable {
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// The whole fetch took too long.
    #[error("gave up on {url} after {} s: the site answers too slowly; try again later, or raise feeds.timeout_seconds",
            .after.as_secs_f32())]
    TimedOut {
        /// The address asked first.
        url: String,
        /// The time allowed.
        after: Duration,
    },
    /// The connection broke, or the compressed body is damaged.
    #[error("the answer of {url} broke off: {reason}; try again later")]
    Broken {
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// More bytes than allowed, after decompression.
    #[error(
        "stopped reading {url} after {limit_bytes} bytes (decompressed); if it is a feed, ask the site for a \
             shorter one, or raise feeds.max_bytes"
    )]
    TooLarge { url: String, limit_bytes: u64 },
    /// A redirect without a usable target.
    #[error("{url} redirects to {location:?}, which is no address; the site has to mend this")]
    BadRedirect {
        url: String,
        /// What its `Location` header says.
        location: String,
    },
    /// A redirect leads back to where it came from.
    #[error("the redirects run in a circle: {}; give the address a browser ends at", .chain.join(" -> "))]
    RedirectLoop {
        /// The addresses in order; the last one is among those before it.
        chain: Vec<String>,
    },
    /// More redirects than allowed.
    #[error("more than {limit} redirects: {}; give the address a browser ends at", .chain.join(" -> "))]
    TooManyRedirects {
        /// The addresses in order; the last one was not asked.
        chain: Vec<String>,
        limit: usize,
    },
    /// 410: the site says it is gone for good.
    #[error("{url} is gone for good (410); remove it, or find its new address")]
    Gone { url: String },
    /// Any other answer without a document.
    #[error("{url} answered {status}{}; {}", status_name(*.status), status_cure(*.status))]
    Status {
        url: String,
        /// The HTTP status.
        status: u16,
        /// How long the site asks us to wait (`Retry-After` in seconds).
        retry_after: Option<Duration>,
    },
}

impl FetchError {
    /// The HTTP status, if the site answered with one that is no document.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Gone { .. } => Some(410),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the document itself is not there (404, 410), as opposed to trouble on the way.
    pub fn is_absent(&self) -> bool {
        matches!(self.status(), Some(404 | 410))
    }

    /// Whether trying the same address again may help without anyone changing anything.
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
