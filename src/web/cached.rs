//! Cacheable responses, which are the same for all clients. A client that has the current version gets 304.

use aws_lc_rs::digest;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Short, because assets change with a new version of Daily, and the feed with each issue.
const CACHE: &str = "public, max-age=300";
/// For bodies whose URL changes with them: browsers don't ask for them again.
const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";
/// Bytes of the 32-byte digest that an entity tag uses.
const TAG_BYTES: usize = 12;

/// Responds with the body and its entity tag (RFC 9110 section 8.8.3), or with 304 if the client has it.
pub fn answer(request: &HeaderMap, kind: &'static str, body: impl Into<Vec<u8>>) -> Response {
    answer_versioned(request, kind, body, false)
}

/// The same for an address with the version of its content. If the version `is_current`, clients may keep the
/// body forever. Otherwise they got the address from a page of another version of Daily.
pub fn answer_versioned(
    request: &HeaderMap,
    kind: &'static str,
    body: impl Into<Vec<u8>>,
    is_current: bool,
) -> Response {
    let body = body.into();
    let tag = format!("\"{}\"", short_hash(&body));
    // Letters, digits, `-`, `_` and quotes are valid in headers.
    let header_tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let cache = HeaderValue::from_static(if is_current { CACHE_FOREVER } else { CACHE });
    let headers = [(header::ETAG, header_tag), (header::CACHE_CONTROL, cache)];
    if matches_tag(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// Returns a short hash of a body, for entity tags and addresses.
pub fn short_hash(body: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, body).as_ref()[..TAG_BYTES])
}

/// Responds with a body that never changes, or with 304 if there is none to send because the client has it. `tag` is
/// its entity tag with quotes.
pub fn answer_forever(tag: &str, kind: &'static str, body: Option<Vec<u8>>) -> Response {
    let header_tag = HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static("\"\""));
    let headers =
        [(header::ETAG, header_tag), (header::CACHE_CONTROL, HeaderValue::from_static(CACHE_FOREVER))];
    match body {
        Some(body) => (headers, [(header::CONTENT_TYPE, kind)], body).into_response(),
        None => (StatusCode::NOT_MODIFIED, headers).into_response(),
    }
}

/// Returns whether the client has the body with this tag. Weak tags match too, because compressing proxies
/// weaken them.
pub fn matches_tag(request: &HeaderMap, tag: &str) -> bool {
    let known = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known
        .split(',')
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_with_the_current_body_gets_304() {
        let first = answer(&HeaderMap::new(), "text/plain", "a");
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for (known, status) in
            [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("*".into(), 304), ("\"x\"".into(), 200)]
        {
            let mut request = HeaderMap::new();
            request.insert(header::IF_NONE_MATCH, known.parse().unwrap());
            assert_eq!(answer(&request, "text/plain", "a").status(), status, "{known}");
        }
    }
}
