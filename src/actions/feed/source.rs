//! The locations of feeds and articles that operators enter, with the same names on the command line, in
//! forms and in JSON.

use crate::domain::{
    content::article::{MAX_TITLE_CHARS, one_line},
    validation::{Code, Problems, rules},
};
use std::path::PathBuf;
use url::Url;
use validator::{Validate, ValidationError};

#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
pub struct FeedSource {
    /// URL or file of a saved page
    #[validate(custom(function = self::url_or_path))]
    pub source: String,
}

#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
pub struct ArticleSource {
    /// URL or file of a saved page
    #[validate(custom(function = self::url_or_path))]
    pub source: String,
    /// Public URL, if the page doesn't contain it
    #[arg(long)]
    #[validate(custom(function = rules::web_address))]
    pub url: Option<String>,
    /// Headline, if the page's is missing or wrong
    #[arg(long)]
    #[validate(custom(function = rules::headline))]
    pub title: Option<String>,
}

/// A location to read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An HTTP(S) or `file:` URL.
    Url(Url),
    Path(PathBuf),
}

fn url_or_path(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() {
        return Err(Code::TextRequired.error());
    }
    parse(text).map(drop).ok_or_else(|| Code::WebAddress.error())
}

/// Parses a location. A text with `://` is a URL, any other a path.
fn parse(text: &str) -> Option<Source> {
    if !text.contains("://") {
        return Some(Source::Path(text.into()));
    }
    let url = Url::parse(text.trim()).ok()?;
    matches!(url.scheme(), "http" | "https" | "file").then_some(Source::Url(url))
}

impl FeedSource {
    /// Checks the text and returns the location.
    pub fn checked(&self) -> Result<Source, Problems> {
        Problems::check(self)?;
        parse(&self.source).ok_or_else(|| Code::WebAddress.at("source").into())
    }
}

impl ArticleSource {
    /// Checks the fields and returns the location, the public URL and the headline.
    pub fn checked(&self) -> Result<(Source, Option<Url>, Option<String>), Problems> {
        Problems::check(self)?;
        let source = parse(&self.source).ok_or_else(|| Code::WebAddress.at("source"))?;
        let url = self.url.as_deref().map(|url| Url::parse(url.trim())).transpose();
        let title = self.title.as_deref().map(|title| one_line(title, MAX_TITLE_CHARS));
        Ok((source, url.map_err(|_| Code::WebAddress.at("url"))?, title))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_and_paths_are_distinguished() {
        let source = |text: &str| FeedSource { source: text.into() }.checked();
        assert!(matches!(source("https://www.example.org/rss"), Ok(Source::Url(_))));
        assert_eq!(source("./export/feed.xml"), Ok(Source::Path("./export/feed.xml".into())));
        for wrong in ["", "  ", "javascript://x", "ftp://example.org/feed", "https://"] {
            assert!(source(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn sources_that_pass_the_rules_can_be_converted(
            source in "((https?|file|ftp)://)?\\PC{0,20}",
            url in prop::option::of("(https?://)?\\PC{0,20}"),
            title in prop::option::of("(?s).{0,9}|[ \u{200b}a]{0,3}|[a-z ]{295,305}"),
        ) {
            let feed = FeedSource { source: source.clone() };
            prop_assert_eq!(Problems::check(&feed).is_ok(), feed.checked().is_ok());
            let article = ArticleSource { source, url, title };
            prop_assert_eq!(Problems::check(&article).is_ok(), article.checked().is_ok());
            if let Ok((_, _, Some(title))) = article.checked() {
                prop_assert!(!title.is_empty());
            }
        }
    }
}
