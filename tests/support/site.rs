//! Sites with feeds and articles' pages.

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

/// Makes a site answer requests for a path.
pub async fn respond(site: &MockServer, place: impl Into<String>, answer: ResponseTemplate) {
    Mock::given(path(place)).respond_with(answer).mount(site).await;
}

/// Makes a site answer the next request for a path.
pub async fn respond_once(site: &MockServer, place: impl Into<String>, answer: ResponseTemplate) {
    Mock::given(path(place)).respond_with(answer).up_to_n_times(1).mount(site).await;
}

/// Returns a response with a feed of these items.
pub fn feed(items: &str) -> ResponseTemplate {
    document(rss(items))
}

/// Returns a response with a document.
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
