//! Feeds and pages, from the web into the pool of articles.

use crate::support::{app::TestApp, on_both_engines};
use daily::db::{articles, feeds};
use daily::domain::ids::ArticleId;
use jiff::SignedDuration;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

fn rss(items: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>The Lamp</title>\
         <link>https://lamp.example/</link><description>News</description>{items}</channel></rss>"
    )
}

fn item(title: &str, link: &str, date: &str) -> String {
    format!("<item><title>{title}</title><link>{link}</link><pubDate>{date}</pubDate></item>")
}

async fn start(engine: crate::support::Engine) -> TestApp {
    TestApp::start_with(engine, |settings| {
        settings.feeds.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await
}

async fn add(app: &TestApp, url: &str) {
    daily::actions::add_feed::add_feed(&app.app.actions, url).await.expect("a feed");
    app.tick().await;
}

async fn titles(app: &TestApp) -> Vec<String> {
    let mut tx = app.app.db.read().await.unwrap();
    let mut page = articles::page(&mut tx, ArticleId(i64::MAX), 100).await.unwrap();
    page.reverse();
    page.into_iter().map(|it| it.title).collect()
}

async fn feed(app: &TestApp, url: &str) -> feeds::FeedRecord {
    let mut tx = app.app.db.read().await.unwrap();
    feeds::by_url(&mut tx, url).await.unwrap().expect("the feed")
}

on_both_engines! {
    async fn the_same_story_from_two_feeds_or_with_tracking_is_one_article(engine: Engine) {
        let app = start(engine).await;
        let site = MockServer::start().await;
        let morning = "Fri, 01 May 2026 08:00:00 GMT";
        for (where_, body) in [
            ("/a", rss(&item("Harbour lights return", "https://lamp.example/lights?utm_source=rss", morning))),
            ("/b", rss(&format!(
                "{}{}{}",
                item("Harbour lights return", "http://www.lamp.example/lights/", morning),
                item("Harbour lights return", "https://other.example/reprint", "Fri, 01 May 2026 08:20:00 GMT"),
                item("A bakery at dawn", "https://lamp.example/bakery?item=24", morning),
            ))),
        ] {
            Mock::given(path(where_)).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&site).await;
            add(&app, &format!("{}{where_}", site.uri())).await;
        }
        assert_eq!(titles(&app).await, ["Harbour lights return", "A bakery at dawn"]);
    }

    async fn a_feed_is_asked_for_what_is_new_only(engine: Engine) {
        let app = start(engine).await;
        let site = MockServer::start().await;
        let body = rss(&item("A bakery at dawn", "https://lamp.example/bakery", "Fri, 01 May 2026 08:00:00 GMT"));
        Mock::given(method("GET")).and(header("if-none-match", "\"v1\""))
            .respond_with(ResponseTemplate::new(304)).expect(1).with_priority(1).mount(&site).await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).insert_header("etag", "\"v1\"").set_body_string(body))
            .expect(1).with_priority(2).mount(&site).await;
        let url = format!("{}/feed", site.uri());
        add(&app, &url).await;
        app.tick_after(SignedDuration::from_mins(5)).await;
        app.tick_after(SignedDuration::from_mins(11)).await;
        assert_eq!(feed(&app, &url).await.etag.as_deref(), Some("\"v1\""));
        assert_eq!(titles(&app).await.len(), 1);
    }

    async fn a_failing_feed_keeps_its_articles_says_why_and_is_read_less_often(engine: Engine) {
        let app = start(engine).await;
        let site = MockServer::start().await;
        let body = rss(&item("A bakery at dawn", "https://lamp.example/bakery", "Fri, 01 May 2026 08:00:00 GMT"));
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string(body))
            .up_to_n_times(1).mount(&site).await;
        let url = format!("{}/feed", site.uri());
        add(&app, &url).await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string("<rss><channel>"))
            .mount(&site).await;
        let mut pauses = Vec::new();
        for _ in 0..3 {
            app.clock.set(feed(&app, &url).await.next_poll_at.0);
            app.tick_after(SignedDuration::from_secs(31)).await;
            pauses.push(feed(&app, &url).await.next_poll_at.0.duration_since(app.clock.now()));
        }
        let broken = feed(&app, &url).await;
        assert_eq!(broken.failures, 3);
        assert!(broken.last_error.unwrap().contains("line 1"));
        assert!(pauses.is_sorted() && pauses[0] < pauses[2], "{pauses:?}");
        assert_eq!(titles(&app).await, ["A bakery at dawn"]);
    }

    async fn a_feed_that_is_gone_is_retired(engine: Engine) {
        let app = start(engine).await;
        let site = MockServer::start().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(410)).expect(1).mount(&site).await;
        let url = format!("{}/feed", site.uri());
        add(&app, &url).await;
        assert_eq!(feed(&app, &url).await.status, "retired");
        app.tick_after(SignedDuration::from_hours(24)).await;
    }

    async fn private_networks_are_not_read_unless_allowed(engine: Engine) {
        let app = TestApp::start(engine).await;
        let site = MockServer::start().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&site).await;
        let url = format!("{}/feed", site.uri());
        add(&app, &url).await;
        let error = feed(&app, &url).await.last_error.unwrap();
        assert!(error.contains("feeds.allow_networks"), "{error}");
    }

    async fn undated_items_are_no_news_by_having_arrived(engine: Engine) {
        let app = start(engine).await;
        app.reader("ann@example.org").await;
        app.article("Something for the first issue").await;
        app.send_issue().await;
        let site = MockServer::start().await;
        let undated = |title: &str| format!("<item><title>{title}</title><link>https://lamp.example/{title}</link></item>");
        let dated = item("dated", "https://lamp.example/dated", "Fri, 01 May 2026 12:10:00 GMT");
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string(rss(&undated("old"))))
            .up_to_n_times(1).mount(&site).await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_string(rss(&format!("{}{}{dated}", undated("old"), undated("new")))))
            .mount(&site).await;
        add(&app, &format!("{}/feed", site.uri())).await;
        app.tick_after(SignedDuration::from_mins(16)).await;
        assert_eq!(titles(&app).await.len(), 4);
        app.clock.advance(SignedDuration::from_hours(13));
        app.send_issue().await;
        let text = app.mails_to("ann@example.org").pop().unwrap().text();
        assert!(text.contains("/dated") && !text.contains("/new") && !text.contains("/old"), "{text}");
    }
}
