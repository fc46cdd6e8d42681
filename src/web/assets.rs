//! Files built into the binary.

use axum::{http::header, response::IntoResponse};

/// Says in a signup form what time zone the browser is in.
pub async fn time_zone_script() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, include_str!("assets/time-zone.js"))
}

/// The style of our pages.
pub async fn css() -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("assets/daily.css"))
}
