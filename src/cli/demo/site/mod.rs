//! The demo's news site: "The Lantern Bay Courier", an invented local paper with seven invented stories.
//!
//! It stands in for a publisher's site, with a front page, articles that end in a signup box, and a feed.
//! Daily talks to it over HTTP only, like to any other site.

mod feed;
mod page;
mod stories;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};

use self::stories::{STORIES, Story};

const NAME: &str = "The Lantern Bay Courier";
const TAGLINE: &str = "News from the harbour, and a little from beyond it";

const CSS: &str = include_str!("style.css");

/// The site's URL, and that of the service for its signup box.
#[derive(Debug, Clone)]
pub struct Site {
    /// The site's own URL without a trailing slash, such as `http://127.0.0.1:8081`.
    pub base_url: String,
    /// The service's public URL, which accepts `POST /subscribe`.
    pub service_url: String,
    /// Publication time of the paper. Every story is dated within the 20 hours before it.
    pub now: Timestamp,
}

impl Site {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    fn article_url(&self, story: &Story) -> String {
        self.url(&article_path(story))
    }

    fn image_url(&self, story: &Story) -> String {
        self.url(&image_path(story))
    }

    /// The script of the signup box.
    fn signup_script_url(&self) -> String {
        format!("{}/embed.js", self.service_url.trim_end_matches('/'))
    }

    fn subscribe_url(&self) -> String {
        format!("{}/subscribe", self.service_url.trim_end_matches('/'))
    }

    /// Returns a story's publication time, to the second like in feeds.
    fn published(&self, story: &Story) -> Timestamp {
        let since_the_second = SignedDuration::from_nanos(i64::from(self.now.subsec_nanosecond()));
        self.now - since_the_second - SignedDuration::from_mins(story.minutes_before)
    }
}

/// Builds the routes. Pages never change, so they are rendered once.
pub fn router(site: Site) -> Router {
    let mut router = Router::new()
        .route("/", get((page_headers("text/html; charset=utf-8"), page::front(&site).into_string())))
        .route("/feed.xml", get((page_headers("application/rss+xml; charset=utf-8"), feed::rss(&site))))
        .route("/style.css", get((page_headers("text/css; charset=utf-8"), CSS)))
        .fallback((
            StatusCode::NOT_FOUND,
            page_headers("text/html; charset=utf-8"),
            page::not_found(&site).into_string(),
        ));
    for story in STORIES {
        let article = page::article(&site, story).into_string();
        router = router
            .route(&article_path(story), get((page_headers("text/html; charset=utf-8"), article)))
            .route(&image_path(story), get((page_headers("image/png"), story.image)));
    }
    router
}

/// Returns the path of the story that the demo opens first.
pub fn first_article_path() -> &'static str {
    "/lighthouse-counts-whales"
}

fn article_path(story: &Story) -> String {
    format!("/{}", story.slug)
}

fn image_path(story: &Story) -> String {
    format!("/images/{}.png", story.slug)
}

/// Returns the headers of a page. Browsers must not cache it, because the next demo may listen on the same
/// port.
fn page_headers(content_type: &'static str) -> [(HeaderName, &'static str); 2] {
    [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site {
            base_url: "http://127.0.0.1:8081".to_owned(),
            service_url: "http://127.0.0.1:8080/".to_owned(),
            now: "2025-11-22T06:00:00Z".parse().expect("a timestamp"),
        }
    }

    #[test]
    fn the_first_article_is_one_of_the_stories() {
        assert_eq!(article_path(&STORIES[0]), first_article_path());
    }

    #[test]
    fn every_story_is_fresh_enough_for_tomorrows_issue() {
        for story in STORIES {
            let age = site().now.duration_since(site().published(story));
            assert!(age > SignedDuration::ZERO && age < SignedDuration::from_hours(20), "{}", story.slug);
        }
    }

    #[test]
    fn every_picture_is_a_small_png() {
        for story in STORIES {
            assert!(story.image.starts_with(b"\x89PNG\r\n\x1a\n"), "{}", story.slug);
            assert!(story.image.len() < 20_000, "{}", story.slug);
        }
    }

    #[test]
    fn an_article_ends_in_a_plain_form_that_needs_no_script() {
        let html = page::article(&site(), &STORIES[0]).into_string();
        assert!(html.contains(r#"method="post" action="http://127.0.0.1:8080/subscribe""#));
        assert!(html.contains(r#"name="source" value="http://127.0.0.1:8081/lighthouse-counts-whales""#));
        assert_eq!(
            html.matches("<script").count(),
            2,
            "one is data: JSON-LD; the other makes the form answer"
        );
        assert!(html.contains(r#"<script type="application/ld+json">{"#));
    }

    #[test]
    fn the_feed_names_every_story_with_whole_addresses() {
        let xml = feed::rss(&site());
        assert!(xml.starts_with("<?xml"));
        assert_eq!(xml.matches("<item>").count(), STORIES.len());
        for story in STORIES {
            assert!(xml.contains(&format!("<link>{}</link>", site().article_url(story))), "{}", story.slug);
            assert!(xml.contains(&format!("url=\"{}\"", site().image_url(story))), "{}", story.slug);
        }
    }

    #[test]
    fn no_two_stories_share_an_address_or_a_minute() {
        for (index, story) in STORIES.iter().enumerate() {
            for other in &STORIES[index + 1..] {
                assert_ne!(story.slug, other.slug);
                assert_ne!(story.minutes_before, other.minutes_before);
            }
        }
    }
}
