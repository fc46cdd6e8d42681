//! Decides which URLs may become links. Stories come from feeds, and a feed may contain anything.

/// Returns a URL that is safe in a `href` or `src`. `None` for schemes other than `http` and `https`, and for
/// URLs with white space or control characters: browsers ignore those in `java\nscript:`.
pub(crate) fn web_url(url: &str) -> Option<&str> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let is_clean = !url.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_web && is_clean && !rest.is_empty() && !rest.starts_with('/')).then_some(url)
}

/// Shortens a URL for display: no scheme, no trailing slash.
pub(crate) fn display_url(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/')
}

/// Returns the host of a URL as people write it: without scheme, `www.`, port and path.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    host.strip_prefix("www.").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_are_links() {
        assert_eq!(web_url(" https://example.org/a?b=1 "), Some("https://example.org/a?b=1"));
        assert_eq!(web_url("HTTP://example.org"), Some("HTTP://example.org"));
        for bad in [
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "java\nscript:alert(1)",
            "https://example.org/a b",
            "https://",
            "https:///nowhere",
            "data:text/html,hi",
            "//example.org/",
            "/relative",
            "mailto:a@example.org",
            "",
        ] {
            assert_eq!(web_url(bad), None, "{bad:?} must not become a link");
        }
    }

    #[test]
    fn a_url_is_displayed_without_its_scheme() {
        assert_eq!(display_url("https://daily.example/"), "daily.example");
        assert_eq!(display_url("daily.example"), "daily.example");
    }

    #[test]
    fn a_site_is_called_by_its_host() {
        for url in [
            "https://www.courier.example/",
            "https://courier.example:8443/news?x=1",
            "https://me@courier.example#top",
            "courier.example",
        ] {
            assert_eq!(host(url), "courier.example");
        }
    }
}
