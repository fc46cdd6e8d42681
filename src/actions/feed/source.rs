//! Where an operator says that feeds and articles are: on the command line, and in forms or JSON with the same names.

use crate::domain::validation::{Code, Problems, rules};
use std::path::PathBuf;
use url::Url;
use validator::{Validate, ValidationError};

/// A feed.
#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
pub struct FeedSource {
    /// URL or file
    #[validate(custom(function = self::url_or_path))]
    pub source: String,
}

/// An article.
#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
pub struct ArticleSource {
    /// URL or file of a saved page
    #[validate(custom(function = self::url_or_path))]
    pub source: String,
    /// Public URL, if the page doesn't contain it
    #[arg(long)]
    #[validate(custom(function = rules::web_address))]
    pub url: Option<String>,
}

/// Where to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// On the web, or a `file:` address.
    Url(Url),
    /// In a file.
    Path(PathBuf),
}

fn url_or_path(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() {
        return Err(Code::TextRequired.error());
    }
    parse(text).map(drop).ok_or_else(|| Code::WebAddress.error())
}

/// A text with `://` is meant as a URL.
fn parse(text: &str) -> Option<Source> {
    if !text.contains("://") {
        return Some(Source::Path(text.into()));
    }
    let url = Url::parse(text.trim()).ok()?;
    matches!(url.scheme(), "http" | "https" | "file").then_some(Source::Url(url))
}

impl FeedSource {
    /// Checks the text and returns where the feed is.
    pub fn checked(&self) -> Result<Source, Problems> {
        Problems::check(self)?;
        parse(&self.source).ok_or_else(|| Code::WebAddress.at("source").into())
    }
}

impl ArticleSource {
    /// Checks the fields and returns where the article is, and where readers find it.
    pub fn checked(&self) -> Result<(Source, Option<Url>), Problems> {
        Problems::check(self)?;
        let source = parse(&self.source).ok_or_else(|| Code::WebAddress.at("source"))?;
        let url = self.url.as_deref().map(|url| Url::parse(url.trim())).transpose();
        Ok((source, url.map_err(|_| Code::WebAddress.at("url"))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_told_from_paths() {
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
        ) {
            let feed = FeedSource { source: source.clone() };
            prop_assert_eq!(Problems::check(&feed).is_ok(), feed.checked().is_ok());
            let article = ArticleSource { source, url };
            prop_assert_eq!(Problems::check(&article).is_ok(), article.checked().is_ok());
        }
    }
}
