//! Accepts links from emails with the punctuation that stood behind them, which some programs take for a part
//! of the link.

use axum::{
    Router,
    extract::Request,
    http::{Uri, uri::PathAndQuery},
};
use tower::{Layer as _, util::MapRequestLayer};

/// Paths that end in a token.
const TOKEN_PATHS: &[&str] = &["/unsubscribe/", "/preferences/", "/confirm/", "/address/", "/data-export/"];
/// Punctuation that may stand behind a link, plain or percent-encoded. No token contains any of it.
const ENDS: &[&str] = &[
    ".",
    ",",
    ";",
    ":",
    "!",
    ")",
    "]",
    ">",
    "/",
    "\"",
    "'",
    "*",
    "&gt",
    "%3e",
    "%22",
    "%27",
    "%29",
    "%5d",
    "%2e",
    "%2c",
    "%2f",
    "%20",
    "%0d",
    "%0a",
    "%c2%a0",
    "%e2%80%9d",
    "%c2%bb",
];

/// Wraps a router so that it gets such requests without the punctuation.
pub fn tidied(router: Router) -> Router {
    let tidy = MapRequestLayer::new(|mut request: Request| {
        if let Some(uri) = tidy_uri(request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    });
    // A layer of the router itself would run after the route is chosen.
    Router::new().fallback_service(tidy.layer(router))
}

/// Returns the URI without punctuation at its end, or `None` if there is none.
fn tidy_uri(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !TOKEN_PATHS.iter().any(|known| path.starts_with(known)) {
        return None;
    }
    let mut kept = path;
    while let Some(end) = ENDS.iter().find(|end| ends_with(kept, end)) {
        kept = &kept[..kept.len() - end.len()];
    }
    if kept.len() == path.len() || kept.matches('/').count() < 2 {
        return None;
    }
    let target = match uri.query() {
        Some(query) => format!("{kept}?{query}"),
        None => kept.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len() >= end.len()
        && text.is_char_boundary(text.len() - end.len())
        && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_behind_a_token_is_left_out() {
        for (given, tidy) in [
            ("/unsubscribe/abc.", "/unsubscribe/abc"),
            ("/unsubscribe/abc/", "/unsubscribe/abc"),
            ("/unsubscribe/abc%3E.?x=1", "/unsubscribe/abc?x=1"),
            ("/confirm/abc).", "/confirm/abc"),
            ("/preferences/abc%E2%80%9D", "/preferences/abc"),
        ] {
            assert_eq!(tidy_uri(&given.parse().unwrap()).unwrap().to_string(), tidy, "{given}");
        }
        for given in ["/unsubscribe/abc", "/unsubscribe/", "/unsubscribe/.", "/issues/", "/?a=/"] {
            assert_eq!(tidy_uri(&given.parse().unwrap()), None, "{given}");
        }
    }
}
