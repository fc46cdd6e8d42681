//! Files built into the binary.

use crate::{i18n, web::cached};
use axum::{
    http::{HeaderMap, HeaderName, header},
    response::IntoResponse,
};
use std::sync::LazyLock;

/// Placeholder for the texts in the signup box's script.
const TEXTS_PLACEHOLDER: &str = "{/*words*/}";

/// The signup box's script with its texts, without comments and indentation.
static EMBED: LazyLock<String> = LazyLock::new(|| {
    // A map of strings can always be serialized.
    let texts = serde_json::to_string(&i18n::embed_texts()).unwrap_or_else(|_| TEXTS_PLACEHOLDER.to_owned());
    let lines = include_str!("assets/embed.js").lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).collect();
    lines.join("\n").replace(TEXTS_PLACEHOLDER, &texts)
});

/// The signup box for pages of other origins, including those with a cross-origin embedder policy.
pub async fn embed_script(headers: HeaderMap) -> impl IntoResponse {
    let policy = (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    ([policy], cached::answer(&headers, "text/javascript; charset=utf-8", EMBED.as_str()))
}

/// Solves challenges. Pages with the signup box import it as a module, which needs a CORS header.
pub async fn challenge_script(headers: HeaderMap) -> impl IntoResponse {
    let headers_for_other_origins = [
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (
        headers_for_other_origins,
        cached::answer(&headers, "text/javascript; charset=utf-8", include_str!("assets/challenge.js")),
    )
}

/// Fills the browser's time zone into a signup form.
pub async fn time_zone_script(headers: HeaderMap) -> impl IntoResponse {
    cached::answer(&headers, "text/javascript; charset=utf-8", include_str!("assets/time-zone.js"))
}

/// The style sheet of all pages.
pub async fn css(headers: HeaderMap) -> impl IntoResponse {
    cached::answer(&headers, "text/css; charset=utf-8", include_str!("assets/daily.css"))
}
