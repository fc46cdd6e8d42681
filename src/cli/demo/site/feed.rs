//! The RSS feed of the paper.

use jiff::Timestamp;
use maud::{PreEscaped, html};

use super::stories::STORIES;
use super::{NAME, Site, TAGLINE};

/// Renders RSS 2.0 with authors (`dc:creator`) and pictures, both as `media:content` and as the older
/// `enclosure`.
pub(super) fn rss(site: &Site) -> String {
    let channel = html! {
        (PreEscaped(r#"<?xml version="1.0" encoding="UTF-8"?>"#))
        rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
            xmlns:media="http://search.yahoo.com/mrss/" {
            channel {
                title { (NAME) }
                link { (site.url("/")) }
                description { (TAGLINE) }
                language { "en" }
                lastBuildDate { (rfc_822(site.now)) }
                atom:link href=(site.url("/feed.xml")) rel="self" type="application/rss+xml" {}
                @for story in STORIES {
                    item {
                        title { (story.title) }
                        link { (site.article_url(story)) }
                        guid isPermaLink="true" { (site.article_url(story)) }
                        pubDate { (rfc_822(site.published(story))) }
                        dc:creator { (story.author) }
                        category { (story.section) }
                        description { (story.dek) }
                        media:content url=(site.image_url(story)) medium="image" type="image/png" width="1200" height="630" {
                            media:description { (story.image_alt) }
                        }
                        enclosure url=(site.image_url(story)) type="image/png" length=(story.image.len()) {}
                    }
                }
            }
        }
    };
    channel.into_string()
}

/// Formats a date for RSS, such as "Sat, 22 Nov 2025 06:00:00 +0000".
fn rfc_822(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
