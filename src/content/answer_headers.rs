//! Parsers for response headers: caching, retries, validators.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{self, HeaderName};

use crate::content::dates;

/// Validators of the last response. Sending them back lets the server answer "not modified".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header, verbatim.
    pub etag: Option<String>,
    /// The `Last-Modified` header, verbatim.
    pub last_modified: Option<String>,
}

/// Returns the delay that `Retry-After` asks for. A date is compared with the response's own `Date`.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let text = header_text(response, &header::RETRY_AFTER)?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = dates::parse(&text)?;
    let sent = dates::parse(&header_text(response, &header::DATE)?)?;
    Duration::try_from(until.duration_since(sent)).ok()
}

/// Returns `ETag` and `Last-Modified`, verbatim.
pub fn validators_of(response: &Response) -> Validators {
    Validators {
        etag: header_text(response, &header::ETAG),
        last_modified: header_text(response, &header::LAST_MODIFIED),
    }
}

/// Returns `max-age` of `Cache-Control`, or `None` if the response must not be cached.
pub fn max_age(response: &Response) -> Option<Duration> {
    let control = header_text(response, &header::CACHE_CONTROL)?.to_ascii_lowercase();
    let mut directives = control.split(',').map(str::trim);
    if control.contains("no-cache") || control.contains("no-store") {
        return None;
    }
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age="))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

/// Returns a header as text, or `None` if it is missing or not text.
pub fn header_text(response: &Response, name: &HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
