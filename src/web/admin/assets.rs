//! The pages' style sheet and script, at addresses that change with their content.

use crate::web::error::AppError;
use aws_lc_rs::digest;
use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse as _, Response},
};
use std::sync::LazyLock;

const CSS: &str = include_str!("../assets/admin.css");
const JS: &str = include_str!("../assets/admin.js");

/// Names of the files, with a part of their hash.
static CSS_NAME: LazyLock<String> = LazyLock::new(|| format!("admin-{}.css", short_hash(CSS)));
static JS_NAME: LazyLock<String> = LazyLock::new(|| format!("admin-{}.js", short_hash(JS)));

fn short_hash(text: &str) -> String {
    hex::encode(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..6])
}

pub fn css_path() -> String {
    format!("/admin/assets/{}", *CSS_NAME)
}

pub fn js_path() -> String {
    format!("/admin/assets/{}", *JS_NAME)
}

pub async fn get(Path(name): Path<String>) -> Response {
    let (kind, body) = if name == *CSS_NAME {
        ("text/css; charset=utf-8", CSS)
    } else if name == *JS_NAME {
        ("text/javascript; charset=utf-8", JS)
    } else {
        return AppError::NoPage.into_response();
    };
    let cache = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assets_are_small() {
        assert!(CSS.len() + JS.len() < 150_000, "{}", CSS.len() + JS.len());
        assert!(
            css_path().starts_with("/admin/assets/admin-") && js_path().starts_with("/admin/assets/admin-")
        );
    }
}
