//! Which addresses may become links: stories come from feeds, and a feed may say anything.

/// The address as it may stand in a `href` or `src`, or `None` where it is anything but a plain web address.
///
/// Only `http` and `https`, and nothing with white space or control characters in it: `java\nscript:` is how such
/// addresses are smuggled past a check.
pub(crate) fn web(url: &str) -> Option<&str> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let is_clean = !url.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_web && is_clean && !rest.is_empty() && !rest.starts_with('/')).then_some(url)
}

/// The address as people say it: no scheme, no closing slash.
pub(crate) fn spoken(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_links() {
        assert_eq!(web(" https://example.org/a?b=1 "), Some("https://example.org/a?b=1"));
        assert_eq!(web("HTTP://example.org"), Some("HTTP://example.org"));
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
            assert_eq!(web(bad), None, "{bad:?} must not become a link");
        }
    }

    #[test]
    fn an_address_is_spoken_without_its_scheme() {
        assert_eq!(spoken("https://daily.example/"), "daily.example");
        assert_eq!(spoken("daily.example"), "daily.example");
    }
}
