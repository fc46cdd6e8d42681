//! Files built into the binary.

use crate::web::{Site, cached};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderName, header},
    response::IntoResponse,
};
use std::sync::LazyLock;

/// The script of pages in a frame.
pub const FRAME_SCRIPT: &str = "/assets/frame.js";

const STYLE: &str = include_str!("assets/daily.css");

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| cached::short_hash(STYLE.as_bytes()));

/// The signup box's script without comments and indentation.
static EMBED: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("assets/embed.js").lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).collect();
    lines.join("\n")
});

/// Returns the path of the style sheet of all pages: `/assets/style/HASH.css`.
pub fn style_path() -> String {
    format!("/assets/style/{}.css", *STYLE_HASH)
}

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

/// Tells the page around a frame how high the form is.
pub async fn frame_script(headers: HeaderMap) -> impl IntoResponse {
    cached::answer(&headers, "text/javascript; charset=utf-8", include_str!("assets/frame.js"))
}

/// The style sheet of all pages. A page of another version of Daily gets the current one.
pub async fn style(Path(file): Path<String>, headers: HeaderMap) -> impl IntoResponse {
    let is_current = file.strip_suffix(".css") == Some(STYLE_HASH.as_str());
    cached::answer_versioned(&headers, "text/css; charset=utf-8", STYLE, is_current)
}

/// Tells search engines which pages they may read. Readers' own pages are left to their `noindex`: a page that may
/// not be read can still be listed.
pub async fn robots(State(site): State<Site>, headers: HeaderMap) -> impl IntoResponse {
    let rules =
        format!("User-agent: *\nDisallow: /embed\nAllow: /\n\nSitemap: {}/sitemap.xml\n", site.public_url);
    cached::answer(&headers, "text/plain; charset=utf-8", rules)
}
