//! What an answer's headers say about the answer.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{self, HeaderName};

use crate::content::dates;

/// What the last answer said about its version; handed back, the server can answer "not modified".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header, as it was.
    pub etag: Option<String>,
    /// The `Last-Modified` header, as it was.
    pub last_modified: Option<String>,
}

/// `Retry-After` in seconds, or as a date, which is taken against the answer's own.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let text = header_text(response, &header::RETRY_AFTER)?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = dates::parse(&text)?;
    let sent = dates::parse(&header_text(response, &header::DATE)?)?;
    Duration::try_from(until.duration_since(sent)).ok()
}

/// `ETag` and `Last-Modified`, as they are.
pub fn validators_of(response: &Response) -> Validators {
    Validators {
        etag: header_text(response, &header::ETAG),
        last_modified: header_text(response, &header::LAST_MODIFIED),
    }
}

/// `max-age` of `Cache-Control`, unless that says not to keep the answer.
pub fn max_age(response: &Response) -> Option<Duration> {
    let control = header_text(response, &header::CACHE_CONTROL)?.to_ascii_lowercase();
    let mut directives = control.split(',').map(str::trim);
    if control.contains("no-cache") || control.contains("no-store") {
        return None;
    }
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age="))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

/// A header as text; `None` if it is missing or no text.
pub fn header_text(response: &Response, name: &HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
