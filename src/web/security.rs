//! Security headers of all responses.

use super::{
    Site, error,
    layout::DisplayMode,
    picture_policy::{PictureUrls, is_origin},
};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// The Content-Security-Policy of all pages, up to the origins that may frame them.
macro_rules! policy {
    () => {
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors "
    };
}

/// Nothing from other origins, no inline scripts, no framing.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(concat!(policy!(), "'none'"));

/// Returns the policy of the form for frames, which the allowed origins may frame.
pub fn frame_policy(origins: &[String]) -> HeaderValue {
    let origins: Vec<&str> = origins.iter().map(String::as_str).filter(|origin| is_origin(origin)).collect();
    if origins.is_empty() {
        return PAGE_POLICY;
    }
    HeaderValue::try_from(format!("{}{}", policy!(), origins.join(" "))).unwrap_or(PAGE_POLICY)
}

/// Adds the headers that a handler has not set, and renders errors.
pub async fn headers(
    State((site, frame_policy)): State<(Option<Site>, HeaderValue)>,
    request: Request,
    next: Next,
) -> Response {
    let (request_headers, uri) = (request.headers().clone(), request.uri().clone());
    let page_policy = match DisplayMode::from_path(uri.path()) {
        DisplayMode::Window => PAGE_POLICY,
        DisplayMode::Frame => frame_policy,
    };
    // Monitoring needs the plain text of health checks.
    let plain = matches!(request.uri().path(), "/healthz" | "/readyz");
    let response = next.run(request).await;
    let mut response =
        if plain { response } else { error::localize(site.as_ref(), &uri, &request_headers, response).await };
    let pictures = response.extensions_mut().remove::<PictureUrls>();
    let page_policy = pictures.and_then(|it| it.allow(&page_policy)).unwrap_or(page_policy);
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(page_policy);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // URLs of links in emails contain tokens, which must not leak to other sites.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
