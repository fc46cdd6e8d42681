//! What every answer carries, whoever made it.

use super::{error, refusal};
use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// For our own pages: nothing from elsewhere, no script but our own files, no frame around us.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; \
                           base-uri 'none'; frame-ancestors 'none'";

/// Adds what a handler has not set itself.
pub async fn headers(request: Request, next: Next) -> Response {
    let (asked, address) = (request.headers().clone(), request.uri().clone());
    // For machines, which read nothing but the status and a line of text.
    let plain = matches!(request.uri().path(), "/healthz" | "/readyz");
    let response = next.run(request).await;
    let mut response = if plain {
        response
    } else {
        refusal::in_words(&address, &asked, error::normalise(&asked, response))
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Links in mails carry tokens, which no other site shall see.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
