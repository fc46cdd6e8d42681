//! Files built into the binary.

use crate::{i18n, web::cached};
use axum::{
    http::{HeaderMap, HeaderName, header},
    response::IntoResponse,
};
use std::sync::LazyLock;

/// Where the words of the signup box belong in its script.
const WORDS: &str = "{/*words*/}";

/// The signup box's script with its words, without comments and indentation.
static EMBED: LazyLock<String> = LazyLock::new(|| {
    // A map of texts: it has a JSON form.
    let words = serde_json::to_string(&i18n::of_box()).unwrap_or_else(|_| WORDS.to_owned());
    let lines = include_str!("assets/embed.js").lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).collect();
    lines.join("\n").replace(WORDS, &words)
});

/// The signup box for pages of other origins. They may load it whatever they ask of what they load.
pub async fn embed_script(headers: HeaderMap) -> impl IntoResponse {
    let policy = (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    ([policy], cached::answer(&headers, "text/javascript; charset=utf-8", EMBED.as_str()))
}

/// Solves challenges. It is a module: pages of other origins, whose box needs it, may load it only if it says so.
pub async fn challenge_script(headers: HeaderMap) -> impl IntoResponse {
    let open = [
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (open, cached::answer(&headers, "text/javascript; charset=utf-8", include_str!("assets/challenge.js")))
}

/// Says in a signup form what time zone the browser is in.
pub async fn time_zone_script(headers: HeaderMap) -> impl IntoResponse {
    cached::answer(&headers, "text/javascript; charset=utf-8", include_str!("assets/time-zone.js"))
}

/// The style of our pages.
pub async fn css(headers: HeaderMap) -> impl IntoResponse {
    cached::answer(&headers, "text/css; charset=utf-8", include_str!("assets/daily.css"))
}
