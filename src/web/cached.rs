//! Answers that are the same for everybody: a browser or feed reader that has one is told so, instead of getting it again.

use aws_lc_rs::digest;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// How long nobody need ask again. What is built in changes with the program, the feed with an issue.
const CACHE: &str = "public, max-age=300";
/// Bytes of the digest in a tag.
const TAG_BYTES: usize = 12;

/// The body with its tag (RFC 9110 section 8.8.3), or 304 for who has it.
pub fn answer(asked: &HeaderMap, kind: &'static str, body: impl Into<Vec<u8>>) -> Response {
    let body = body.into();
    let hash = digest::digest(&digest::SHA256, &body);
    let tag: String = hash.as_ref().iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    // Letters of the digest and quotes are a header's.
    let header_tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let headers = [(header::ETAG, header_tag), (header::CACHE_CONTROL, HeaderValue::from_static(CACHE))];
    if has(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// Whether the client says it has a body with this tag. Proxies that compress make tags weak.
fn has(asked: &HeaderMap, tag: &str) -> bool {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known
        .split(',')
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_body_is_told_so() {
        let first = answer(&HeaderMap::new(), "text/plain", "a");
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for (known, status) in
            [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("*".into(), 304), ("\"x\"".into(), 200)]
        {
            let mut asked = HeaderMap::new();
            asked.insert(header::IF_NONE_MATCH, known.parse().unwrap());
            assert_eq!(answer(&asked, "text/plain", "a").status(), status, "{known}");
        }
    }
}
