//! Sites with feeds and articles' pages.

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

/// Has a site answer requests of a place.
pub async fn give(site: &MockServer, place: impl Into<String>, answer: ResponseTemplate) {
    Mock::given(path(place)).respond_with(answer).mount(site).await;
}

/// Has a site answer the next request of a place.
pub async fn give_once(site: &MockServer, place: impl Into<String>, answer: ResponseTemplate) {
    Mock::given(path(place)).respond_with(answer).up_to_n_times(1).mount(site).await;
}

/// Returns the answer with a feed that has these items.
pub fn feed(items: &str) -> ResponseTemplate {
    document(rss(items))
}

/// Returns the answer with a document.
pub fn document(text: String) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

pub fn rss(items: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>The Lamp</title>\
         <link>https://lamp.example/</link><description>News</description>{items}</channel></rss>"
    )
}

pub fn item(title: &str, link: &str, date: &str) -> String {
    format!("<item><title>{title}</title><link>{link}</link><pubDate>{date}</pubDate></item>")
}
