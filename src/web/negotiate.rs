//! What a client sent and what it wants back.

use crate::{
    db::{newsletters::NewsletterRecord, subscribers::Evidence},
    domain::signup::client_address::UNKNOWN,
    i18n::{self, Spoken},
};
use axum::http::{HeaderMap, HeaderName, header};
use std::net::SocketAddr;

/// Longest header or field kept as evidence, in characters.
const MAX_EVIDENCE_CHARS: usize = 500;

/// The language that a page's address asks for.
#[derive(Debug, serde::Deserialize)]
pub struct AskedLanguage {
    /// Its tag.
    pub lang: Option<String>,
}

impl AskedLanguage {
    /// The language of a reader's page and its words: the address's, the reader's own, the newsletter's, or the browser's.
    pub fn spoken(&self, own: Option<&str>, newsletter: &NewsletterRecord, headers: &HeaderMap) -> Spoken {
        i18n::spoken([self.lang.as_deref(), own, Some(&newsletter.newsletter.language)], headers)
    }
}

/// The cookie that knows the browser again which signed an address up.
pub const BROWSER_COOKIE: &str = "daily_signup";

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// Whether a person goes to the page, as far as the browser tells: not one that fetches ahead, and not a picture's address.
pub fn is_visit(headers: &HeaderMap) -> bool {
    let says = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let ahead = ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().filter_map(says).any(|value| {
        ["prefetch", "prerender", "preview"].iter().any(|word| value.to_ascii_lowercase().contains(word))
    });
    !ahead
        && says("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
        && says("sec-fetch-dest").is_none_or(|dest| dest == "document")
}

/// Whether the body is JSON.
pub fn sends_json(headers: &HeaderMap) -> bool {
    media_type(headers, &header::CONTENT_TYPE) == "application/json"
}

/// Whether the client asks for JSON: it sends some, or accepts it and not HTML.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let accept = text(headers, &header::ACCEPT).unwrap_or_default();
    sends_json(headers) || (accept.contains("json") && !accept.contains("html"))
}

/// A header's media type, lower case, without parameters.
pub fn media_type(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = text(headers, name).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What the consent ledger keeps about a request.
pub fn evidence(peer: SocketAddr, headers: &HeaderMap, source: Option<&str>) -> Evidence {
    let source = source.map(str::to_owned).or_else(|| text(headers, &header::REFERER).map(str::to_owned));
    Evidence {
        client_address: Some(peer.ip().to_canonical()).filter(|ip| *ip != UNKNOWN).map(|ip| ip.to_string()),
        user_agent: text(headers, &header::USER_AGENT).map(bounded),
        source_url: source.as_deref().filter(|url| is_web_address(url)).map(bounded),
    }
}

/// The page that a visitor comes from, or that a frame stands on, as far as the browser says.
pub fn referring_page(headers: &HeaderMap) -> Option<&str> {
    text(headers, &header::REFERER).filter(|url| is_web_address(url))
}

fn is_web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_EVIDENCE_CHARS).collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
