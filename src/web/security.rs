//! What every answer carries, whoever made it.

use super::{error, layout::Place};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// The policy of our pages, but for whose frames they may be in.
macro_rules! policy {
    () => {
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors "
    };
}

/// For our own pages: nothing from elsewhere, no script but our own files, no frame around us.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(concat!(policy!(), "'none'"));

/// The policy of the form that is made for frames: those of the sites that may sign readers up.
pub fn frame_policy(origins: &[String]) -> HeaderValue {
    let is_origin =
        |origin: &&String| origin.bytes().all(|byte| byte.is_ascii_graphic() && !b";,'".contains(&byte));
    let origins: Vec<&str> = origins.iter().filter(is_origin).map(String::as_str).collect();
    if origins.is_empty() {
        return PAGE_POLICY;
    }
    HeaderValue::try_from(format!("{}{}", policy!(), origins.join(" "))).unwrap_or(PAGE_POLICY)
}

/// Adds what a handler has not set itself.
pub async fn headers(State(frame_policy): State<HeaderValue>, request: Request, next: Next) -> Response {
    let (asked, address) = (request.headers().clone(), request.uri().clone());
    // For machines, which read nothing but the status and a line of text.
    let page_policy = match Place::of(address.path()) {
        Place::Window => PAGE_POLICY,
        Place::Frame => frame_policy,
    };
    let plain = matches!(request.uri().path(), "/healthz" | "/readyz");
    let response = next.run(request).await;
    let mut response = if plain { response } else { error::localize(&address, &asked, response) };
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(page_policy);
    for (name, value) in [
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
