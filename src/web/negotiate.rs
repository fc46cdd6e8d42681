//! Reads headers and the query: language, media types, evidence, cookies.

use crate::{
    db::{newsletters::NewsletterRecord, subscribers::Evidence},
    domain::signup::client_address::UNKNOWN,
    i18n::{self, Locale},
};
use axum::http::{HeaderMap, HeaderName, header};
use std::net::SocketAddr;

/// Longest header or field kept as evidence, in characters.
const MAX_EVIDENCE_CHARS: usize = 500;

/// The query parameter for a page's language.
#[derive(Debug, serde::Deserialize)]
pub struct LanguageQuery {
    /// A language tag.
    pub lang: Option<String>,
}

impl LanguageQuery {
    /// Returns the locale of a reader's page. The query comes first, then the reader's language, the
    /// newsletter's and the browser's.
    pub fn locale(&self, reader: Option<&str>, newsletter: &NewsletterRecord, headers: &HeaderMap) -> Locale {
        i18n::negotiate_locale([self.lang.as_deref(), reader, Some(&newsletter.newsletter.language)], headers)
    }
}

/// The cookie that identifies the browser of a signup.
pub const BROWSER_COOKIE: &str = "daily_signup";

/// Returns the value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// Returns whether a request is a navigation by a person, as far as the browser says. Prefetches and
/// subresources are not.
pub fn is_visit(headers: &HeaderMap) -> bool {
    let value_of = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_prefetch =
        ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().filter_map(value_of).any(|value| {
            ["prefetch", "prerender", "preview"].iter().any(|word| value.to_ascii_lowercase().contains(word))
        });
    !is_prefetch
        && value_of("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
        && value_of("sec-fetch-dest").is_none_or(|dest| dest == "document")
}

/// Returns whether the body is JSON.
pub fn sends_json(headers: &HeaderMap) -> bool {
    media_type(headers, &header::CONTENT_TYPE) == "application/json"
}

/// Returns whether the client wants JSON: it sends JSON, or accepts JSON and not HTML.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let accept = text(headers, &header::ACCEPT).unwrap_or_default();
    sends_json(headers) || (accept.contains("json") && !accept.contains("html"))
}

/// Returns a header's media type in lower case, without parameters.
pub fn media_type(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = text(headers, name).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Collects what the consent ledger keeps about a request.
pub fn evidence(peer: SocketAddr, headers: &HeaderMap, source: Option<&str>) -> Evidence {
    let source = source.map(str::to_owned).or_else(|| text(headers, &header::REFERER).map(str::to_owned));
    Evidence {
        client_address: Some(peer.ip().to_canonical()).filter(|ip| *ip != UNKNOWN).map(|ip| ip.to_string()),
        user_agent: text(headers, &header::USER_AGENT).map(truncated),
        source_url: source.as_deref().filter(|url| is_http_url(url)).map(truncated),
    }
}

/// Returns the URL of the referring page, or of the page around a frame.
pub fn referring_page(headers: &HeaderMap) -> Option<&str> {
    text(headers, &header::REFERER).filter(|url| is_http_url(url))
}

fn is_http_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn truncated(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_EVIDENCE_CHARS).collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
