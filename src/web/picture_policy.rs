//! The pictures of other sites that a page's policy allows: the publisher's logo, and pictures of stories.

use axum::http::HeaderValue;
use std::collections::BTreeSet;
use url::Url;

/// Most origins of pictures that a page's policy names.
const MAX_PICTURE_ORIGINS: usize = 20;

/// The origins of a page's pictures, for its policy: the publisher's logo, and pictures of stories.
#[derive(Debug, Clone)]
pub struct PictureUrls(BTreeSet<String>);

impl PictureUrls {
    /// Collects the origins of these URLs. Pictures of our own need none.
    pub fn new<'a>(urls: impl Iterator<Item = &'a str>) -> Self {
        let origins = urls
            .filter_map(|url| Url::parse(url).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .map(|url| url.origin().ascii_serialization())
            .filter(|origin| is_origin(origin));
        Self(origins.take(MAX_PICTURE_ORIGINS).collect())
    }

    /// Adds the origins to a policy.
    pub fn allow(&self, policy: &HeaderValue) -> Option<HeaderValue> {
        let own = "img-src 'self'";
        let origins: Vec<&str> = self.0.iter().map(String::as_str).collect();
        let allowed = policy.to_str().ok()?.replacen(own, &format!("{own} {}", origins.join(" ")), 1);
        if origins.is_empty() { None } else { HeaderValue::try_from(allowed).ok() }
    }
}

/// Whether a text may stand in a policy.
pub fn is_origin(origin: &str) -> bool {
    origin.bytes().all(|byte| byte.is_ascii_graphic() && !b";,'".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_the_origins_of_pictures_once() {
        let policy = HeaderValue::from_static("img-src 'self'; base-uri 'none'");
        let urls = [
            "https://a.example/1.png",
            "https://a.example/2.png",
            "http://b.example:8080/x",
            "/own",
            "data:image/png,x",
        ];
        let allowed = PictureUrls::new(urls.into_iter()).allow(&policy).unwrap();
        assert_eq!(allowed, "img-src 'self' http://b.example:8080 https://a.example; base-uri 'none'");
        assert_eq!(PictureUrls::new(["/own"].into_iter()).allow(&policy), None);
    }
}
