//! Feeds: which items become articles, and when a feed is read again.

use crate::support::{
    DAY, Engine, OPERATOR, TestApp, at, on_both_engines,
    site::{document, feed, item, respond, respond_once, rss},
};
use daily::{
    actions::feed::{
        accept_feed::{Accepted, accept_feed},
        add_feed::add_feed,
    },
    db::content::feeds::{self, FeedRecord},
    domain::{content::feed_trouble::TroubleKind, delivery::email::EmailKind},
    settings::Settings,
};
use jiff::SignedDuration;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, header_exists, method, path},
};

pub async fn start(engine: Engine) -> TestApp {
    start_with(engine, |_| {}).await
}

pub async fn start_with(engine: Engine, change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::start_with(engine, |settings| {
        settings.feeds.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        change(settings);
    })
    .await
}

pub async fn add(app: &TestApp, url: &str) {
    add_feed(&app.app.actions, &OPERATOR, url).await.expect("a feed");
    app.run_due().await;
}

async fn titles(app: &TestApp) -> Vec<String> {
    app.articles().await.into_iter().map(|it| it.title).collect()
}

async fn record(app: &TestApp, url: &str) -> FeedRecord {
    let mut tx = app.app.db.read().await.unwrap();
    feeds::get_by_url(&mut tx, url).await.unwrap().expect("the feed")
}

/// Returns a feed's only item.
fn bakery() -> String {
    item("A bakery at dawn", "https://lamp.example/bakery", "Fri, 01 May 2026 08:00:00 GMT")
}

on_both_engines!(
    one_story_in_two_feeds_is_one_article,
    a_feed_is_fetched_conditionally,
    a_failing_feed_keeps_its_articles_and_is_read_less_often,
    a_feed_that_is_gone_is_retired,
    private_networks_are_not_read_unless_allowed,
    undated_items_do_not_count_as_new,
    validators_survive_an_answer_without_them,
    a_permanent_redirect_is_stored_and_a_temporary_one_is_not,
    retry_after_and_max_age_are_honoured,
    feeds_on_one_host_are_read_in_turn_and_other_hosts_do_not_wait,
    a_feed_that_changes_all_links_makes_no_new_articles,
    entries_that_share_a_page_are_as_many_articles,
    a_page_with_another_story_each_day_brings_them_all,
    a_story_whose_identifier_changed_is_the_same_story,
    another_story_at_a_known_address_is_another_article,
    only_the_original_feed_corrects_an_article,
    a_failing_feed_is_reported_once_until_it_recovers,
    a_feed_silent_beyond_its_habit_is_reported,
    what_is_odd_about_a_feed_is_kept_and_undated_feeds_are_reported,
    a_feed_that_floods_is_held_until_an_operator_accepts,
);

async fn one_story_in_two_feeds_is_one_article(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let morning = "Fri, 01 May 2026 08:00:00 GMT";
    for (place, body) in [
        ("/a", rss(&item("Harbour lights return", "https://lamp.example/lights?utm_source=rss", morning))),
        (
            "/b",
            rss(&format!(
                "{}{}{}",
                item("Harbour lights return", "http://www.lamp.example/lights/", morning),
                item(
                    "Harbour lights return",
                    "https://other.example/reprint",
                    "Fri, 01 May 2026 08:20:00 GMT"
                ),
                item("A bakery at dawn", "https://lamp.example/bakery?item=24", morning),
            )),
        ),
    ] {
        respond(&site, place, document(body)).await;
        add(&app, &format!("{}{place}", site.uri())).await;
    }
    assert_eq!(titles(&app).await, ["Harbour lights return", "A bakery at dawn"]);
}

async fn a_feed_is_fetched_conditionally(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    Mock::given(method("GET"))
        .and(header("if-none-match", "\"v1\""))
        .respond_with(ResponseTemplate::new(304))
        .expect(1)
        .with_priority(1)
        .mount(&site)
        .await;
    Mock::given(method("GET"))
        .respond_with(
            ResponseTemplate::new(200).insert_header("etag", "\"v1\"").set_body_string(rss(&bakery())),
        )
        .expect(1)
        .with_priority(2)
        .mount(&site)
        .await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    app.run_due_after(SignedDuration::from_mins(5)).await;
    app.run_due_after(SignedDuration::from_mins(11)).await;
    assert_eq!(record(&app, &url).await.etag.as_deref(), Some("\"v1\""));
    assert_eq!(titles(&app).await.len(), 1);
}

async fn a_failing_feed_keeps_its_articles_and_is_read_less_often(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    Mock::given(method("GET")).respond_with(feed(&bakery())).up_to_n_times(1).mount(&site).await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    Mock::given(method("GET")).respond_with(document("<rss><channel>".into())).mount(&site).await;
    let mut pauses = Vec::new();
    for _ in 0..3 {
        app.clock.set(record(&app, &url).await.next_poll_at.0);
        app.run_due_after(SignedDuration::from_secs(31)).await;
        pauses.push(record(&app, &url).await.next_poll_at.0.duration_since(app.clock.now()));
    }
    let broken = record(&app, &url).await;
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
    assert_eq!(record(&app, &url).await.status, "retired");
    app.run_due_after(DAY).await;
}

async fn private_networks_are_not_read_unless_allowed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let site = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&site).await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    let error = record(&app, &url).await.last_error.unwrap();
    assert!(error.contains("feeds.allow_networks"), "{error}");
}

async fn undated_items_do_not_count_as_new(engine: Engine) {
    let app = start(engine).await;
    let ann = app.reader("ann@example.org").await;
    app.article("Something for the first issue").await;
    app.send_issue().await;
    let site = MockServer::start().await;
    let undated =
        |title: &str| format!("<item><title>{title}</title><link>https://lamp.example/{title}</link></item>");
    let dated = item("dated", "https://lamp.example/dated", "Fri, 01 May 2026 12:10:00 GMT");
    Mock::given(method("GET")).respond_with(feed(&undated("old"))).up_to_n_times(1).mount(&site).await;
    Mock::given(method("GET"))
        .respond_with(feed(&format!("{}{}{dated}", undated("old"), undated("new"))))
        .mount(&site)
        .await;
    add(&app, &format!("{}/feed", site.uri())).await;
    app.run_due_after(SignedDuration::from_mins(16)).await;
    assert_eq!(titles(&app).await.len(), 4);
    app.clock.advance(SignedDuration::from_hours(13));
    app.send_issue().await;
    let text = ann.last_email().text();
    assert!(text.contains("/dated") && !text.contains("/new") && !text.contains("/old"), "{text}");
}

async fn validators_survive_an_answer_without_them(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let date = "Fri, 01 May 2026 09:00:00 GMT";
    Mock::given(header("if-none-match", "W/\"v1\""))
        .and(header_exists("if-modified-since"))
        .respond_with(ResponseTemplate::new(304))
        .expect(2)
        .with_priority(1)
        .mount(&site)
        .await;
    let answer =
        ResponseTemplate::new(200).insert_header("etag", "W/\"v1\"").insert_header("last-modified", date);
    Mock::given(method("GET"))
        .respond_with(answer.set_body_string(rss(&bakery())))
        .expect(1)
        .with_priority(2)
        .mount(&site)
        .await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    for _ in 0..2 {
        app.clock.set(record(&app, &url).await.next_poll_at.0);
        app.run_due().await;
    }
    assert_eq!(record(&app, &url).await.failures, 0);
}

async fn a_permanent_redirect_is_stored_and_a_temporary_one_is_not(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let to = |status, location: &str| ResponseTemplate::new(status).insert_header("location", location);
    respond(&site, "/old", to(301, "/older")).await;
    respond(&site, "/older", to(308, "/new")).await;
    respond(&site, "/detour", to(302, "/new")).await;
    respond(&site, "/trap", to(301, "/login")).await;
    respond(&site, "/login", feed("<html><title>Log in</title>")).await;
    respond(&site, "/new", feed(&bakery())).await;
    let at = |place: &str| format!("{}{place}", site.uri());
    add(&app, &at("/old")).await;
    let moved = record(&app, &at("/new")).await;
    assert_eq!(moved.moved_from, Some(at("/old")));
    for (place, failures) in [("/detour", 0), ("/trap", 1)] {
        add(&app, &at(place)).await;
        assert_eq!(record(&app, &at(place)).await.failures, failures);
    }
    // A second feed that moves to the first one's URL is not read as well.
    add(&app, &at("/older")).await;
    let second = record(&app, &at("/older")).await;
    assert_eq!((second.status.as_str(), second.trouble_kind), ("retired", Some(TroubleKind::Retired)));
    assert!(second.trouble.unwrap().contains("another feed"));
    assert_eq!(record(&app, &at("/new")).await.status, "active");
}

async fn retry_after_and_max_age_are_honoured(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    Mock::given(path("/busy"))
        .respond_with(ResponseTemplate::new(503).insert_header("retry-after", "7200"))
        .expect(1)
        .mount(&site)
        .await;
    let other = MockServer::start().await;
    Mock::given(path("/quiet"))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header("cache-control", "max-age=9000")
                .set_body_string(rss("")),
        )
        .expect(2)
        .mount(&other)
        .await;
    let (busy, quiet) = (format!("{}/busy", site.uri()), format!("{}/quiet", other.uri()));
    add(&app, &busy).await;
    add(&app, &quiet).await;
    let next = |feed: FeedRecord| feed.next_poll_at.0.duration_since(app.clock.now());
    assert_eq!(next(record(&app, &busy).await), SignedDuration::from_hours(2));
    assert_eq!(next(record(&app, &quiet).await), SignedDuration::from_mins(150), "as long as it stays fresh");
    // Before planning an issue, one feed is read early, and the other one is left alone.
    app.clock.advance(SignedDuration::from_mins(30));
    let mut tx = app.app.db.begin().await.unwrap();
    assert_eq!(feeds::poll_soon(&mut tx, app.clock.now()).await.unwrap(), 1);
    tx.commit().await.unwrap();
    app.run_due().await;
    assert_eq!(record(&app, &quiet).await.polled_at.unwrap().0, app.clock.now());
    assert_ne!(record(&app, &busy).await.polled_at.unwrap().0, app.clock.now());
    let mut tx = app.app.db.begin().await.unwrap();
    assert_eq!(feeds::poll_soon(&mut tx, app.clock.now()).await.unwrap(), 0, "it has just been read");
}

async fn feeds_on_one_host_are_read_in_turn_and_other_hosts_do_not_wait(engine: Engine) {
    let app = start_with(engine, |settings| settings.feeds.host_pause_ms = 1).await;
    let (many, other) = (MockServer::start().await, MockServer::start().await);
    for site in [&many, &other] {
        Mock::given(method("GET")).respond_with(feed("")).mount(site).await;
    }
    for n in 0..4 {
        add_feed(&app.app.actions, &OPERATOR, &format!("{}/{n}", many.uri())).await.unwrap();
    }
    add_feed(&app.app.actions, &OPERATOR, &format!("{}/x", other.uri())).await.unwrap();
    let mut read = Vec::new();
    for _ in 0..4 {
        app.run_due_after(SignedDuration::from_secs(1)).await;
        app.run_due().await;
        read.push(many.received_requests().await.unwrap().len());
    }
    assert_eq!(read, [1, 2, 3, 4]);
    assert_eq!(other.received_requests().await.unwrap().len(), 1);
}

async fn a_feed_that_changes_all_links_makes_no_new_articles(engine: Engine) {
    let app = start(engine).await;
    let entry = |title: &str, link: &str, guid: &str, date: &str| {
        format!(
            "<item><title>{title}</title><link>https://lamp.example/{link}</link><guid isPermaLink='false'>{guid}</guid>\
         <pubDate>{date}</pubDate></item>"
        )
    };
    let (old, new) = ("Fri, 01 May 2026 08:00:00 GMT", "Fri, 01 May 2026 12:30:00 GMT");
    let first = [
        entry("Harbour lights return", "lights", "1", old),
        entry("A bakery at dawn opens", "bakery", "2", old),
        entry("Weekend reading of the week", "week-1", "3", old),
    ];
    let second = [
        entry("Harbour lights return", "news/lights", "1", new), // recognised by its id
        entry("A bakery at dawn opens", "news/bakery", "n2", new), // recognised by its headline, as the old entry is gone
        entry("Weekend reading of the week", "week-1", "3", old),
        entry("Weekend reading of the week", "week-2", "4", new), // new, as last week's entry is still there
    ];
    let site = serve(&[rss(&first.concat()), rss(&second.concat())]).await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    app.run_due_after(SignedDuration::from_mins(16)).await;
    assert_eq!(
        titles(&app).await,
        [
            "Harbour lights return",
            "A bakery at dawn opens",
            "Weekend reading of the week",
            "Weekend reading of the week",
        ]
    );
    let all = app.articles().await;
    assert!(all[..3].iter().all(|it| it.published_at.unwrap().0 == at("2026-05-01T08:00:00Z")), "{all:?}");
}

/// Returns an item with an identifier.
fn named(title: &str, link: &str, guid: &str, date: &str) -> String {
    let guid = format!("<guid isPermaLink='false'>{guid}</guid>");
    item(title, &format!("https://lamp.example/{link}"), date).replace("</item>", &format!("{guid}</item>"))
}

async fn entries_that_share_a_page_are_as_many_articles(engine: Engine) {
    let app = start(engine).await;
    let date = |hour: u32| format!("Fri, 01 May 2026 {hour:02}:00:00 GMT");
    let entries = [
        named("Boat one is in", "log#may-1", "log-1", &date(8)),
        named("Boat two is in", "log#may-2", "log-2", &date(9)),
        named("Scheduled maintenance", "status", "s-1", &date(9)),
        named("Scheduled maintenance", "status", "s-2", &date(9)),
        item("Flags of the harbour", "https://lamp.example/#!/flags", &date(7)),
        item("Gulls of the harbour", "https://lamp.example/#!/gulls", &date(7)),
        item("A front page story", "https://lamp.example/", &date(7)),
        item("Something else in front", "https://lamp.example/", &date(7)),
    ];
    // The first entry is there twice.
    let more =
        [entries.concat(), entries[0].clone(), named("Boat three is in", "log#may-3", "log-3", &date(10))];
    let site = serve(&[rss(&entries.concat()), rss(&more.concat())]).await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    assert_eq!(app.articles().await.len(), 8);
    app.clock.set(record(&app, &url).await.next_poll_at.0);
    app.run_due().await;
    let all = app.articles().await;
    let titles: Vec<&str> = all.iter().map(|it| it.title.as_str()).collect();
    assert_eq!(titles.len(), 9, "{titles:?}");
    assert_eq!(titles.last(), Some(&"Boat three is in"));
    assert_eq!(
        (all[0].url.as_str(), all[1].url.as_str()),
        ("https://lamp.example/log#may-1", "https://lamp.example/log#may-2")
    );
}

async fn a_page_with_another_story_each_day_brings_them_all(engine: Engine) {
    let app = start(engine).await;
    let (first, second) = ("Thu, 30 Apr 2026 08:00:00 GMT", "Fri, 01 May 2026 08:00:00 GMT");
    let site = serve(&[
        rss(&named("Shirt of the day: a fox", "", "fox", first)),
        rss(&named("Shirt of the day: a whale", "", "whale", second)),
    ])
    .await;
    add(&app, &format!("{}/feed", site.uri())).await;
    app.run_due_after(SignedDuration::from_mins(16)).await;
    assert_eq!(titles(&app).await, ["Shirt of the day: a fox", "Shirt of the day: a whale"]);
}

async fn a_story_whose_identifier_changed_is_the_same_story(engine: Engine) {
    let app = start(engine).await;
    let date = "Fri, 01 May 2026 08:00:00 GMT";
    let site = serve(&[
        rss(&[named("Boat one is in", "boats/1", "1", date), named("Boat two is in", "boats/2", "2", date)]
            .concat()),
        rss(&[
            named("Boat one is in", "boats/1", "n-1", date),
            named("Boat two is here", "boats/2", "n-2", date),
        ]
        .concat()),
    ])
    .await;
    add(&app, &format!("{}/feed", site.uri())).await;
    app.run_due_after(SignedDuration::from_mins(16)).await;
    assert_eq!(titles(&app).await, ["Boat one is in", "Boat two is here"]);
}

async fn another_story_at_a_known_address_is_another_article(engine: Engine) {
    let app = start(engine).await;
    let date = "Fri, 01 May 2026 08:00:00 GMT";
    let lights = |link: &str| item("Harbour lights return", &format!("https://lamp.example/{link}"), date);
    let site = serve(&[rss(&lights("lights"))]).await;
    let copy = serve(&[rss(&lights("lights#comments"))]).await;
    let other = serve(&[rss(&item("Bakery opens at dawn", "https://lamp.example/lights", date))]).await;
    for site in [&site, &copy, &other] {
        add(&app, &format!("{}/feed", site.uri())).await;
    }
    assert_eq!(titles(&app).await, ["Harbour lights return", "Bakery opens at dawn"]);
    app.run_due_after(SignedDuration::from_mins(16)).await;
    assert_eq!(titles(&app).await.len(), 2);
}

async fn only_the_original_feed_corrects_an_article(engine: Engine) {
    let app = start(engine).await;
    let entry = |title: &str, dek: &str| {
        rss(&format!(
            "<item><title>{title}</title><link>https://lamp.example/lights</link><description>{dek}</description></item>"
        ))
    };
    let site = serve(&[
        entry("Harbor light return", "Dark for a yaer."),
        entry("Harbour lights return", "Dark for a year."),
    ])
    .await;
    let copy = serve(&[entry("You won't believe this light show", "Click.")]).await;
    add(&app, &format!("{}/feed", site.uri())).await;
    add(&app, &format!("{}/feed", copy.uri())).await;
    assert_eq!(titles(&app).await, ["Harbor light return"]);
    app.run_due_after(SignedDuration::from_mins(16)).await;
    assert_eq!(titles(&app).await, ["Harbour lights return"]);
    assert_eq!(app.articles().await[0].dek.as_deref(), Some("Dark for a year."));
}

async fn a_failing_feed_is_reported_once_until_it_recovers(engine: Engine) {
    let app = start(engine).await;
    app.add_operator("ops@example.org").await;
    let site = MockServer::start().await;
    let url = format!("{}/feed", site.uri());
    let good = Mock::given(method("GET")).respond_with(feed(""));
    good.up_to_n_times(1).mount(&site).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(404))
        .up_to_n_times(8 + 2)
        .mount(&site)
        .await;
    Mock::given(method("GET")).respond_with(feed("")).mount(&site).await;
    add(&app, &url).await;
    let read_well = app.clock.now();
    let mut told = Vec::new();
    for _ in 0..11 {
        app.clock.set(record(&app, &url).await.next_poll_at.0);
        app.run_due().await;
        told.push(app.count_emails(EmailKind::FeedTrouble).await);
    }
    assert_eq!(told, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    let recovered = record(&app, &url).await;
    assert_eq!((recovered.trouble_kind, recovered.trouble_reported_at), (None, None));
    assert!(recovered.succeeded_at.unwrap().0 > read_well);
}

async fn a_feed_silent_beyond_its_habit_is_reported(engine: Engine) {
    let app = start(engine).await;
    let days = |day: u32| {
        item(
            &format!("Story of day {day}"),
            &format!("https://lamp.example/{day}"),
            &format!("{day:02} Apr 2026 08:00:00 GMT"),
        )
    };
    let site = serve(&[rss(&(20..=30).map(days).collect::<String>())]).await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    let known = record(&app, &url).await;
    assert_eq!((known.usual_gap_seconds, known.longest_gap_seconds), (Some(86_400), Some(86_400)));
    assert_eq!(known.last_item_at.unwrap().0, at("2026-04-30T08:00:00Z"));
    app.run_due_after(DAY * 5).await;
    assert_eq!(record(&app, &url).await.trouble, None);
    app.run_due_after(DAY).await;
    let silent = record(&app, &url).await;
    assert_eq!(silent.trouble_kind, Some(TroubleKind::Silent));
    assert_eq!(
        silent.trouble.as_deref(),
        Some("nothing new since 2026-04-30 08:00 UTC; usually there is something every 24 hours")
    );
    assert_eq!(silent.trouble_since, silent.last_item_at);
    assert_eq!(silent.trouble_reported_at, None, "there are no operators");
}

async fn what_is_odd_about_a_feed_is_kept_and_undated_feeds_are_reported(engine: Engine) {
    let app = start(engine).await;
    let entry = |title: &str, date: &str| item(title, &format!("https://lamp.example/{title}"), date);
    let odd = [entry("one", "soon"), entry("two", "later"), "<item><title>a < b</title></item>".to_owned()];
    let site = serve(&[rss(&odd.concat()), rss(&bakery())]).await;
    let url = format!("{}/feed", site.uri());
    add(&app, &url).await;
    let feed = record(&app, &url).await;
    assert_eq!((feed.notes.entries, feed.notes.left_out, feed.notes.unreadable_dates), (3, 1, 2));
    assert_eq!(feed.notes.reasons, ["entry 3 (a < b): it has no link"]);
    assert!(feed.notes.mended.unwrap().contains("a < that begins no tag"));
    assert_eq!(feed.trouble_kind, Some(TroubleKind::Undated));
    assert!(feed.trouble.unwrap().contains("2 of its 3 entries are not understood, such as “soon”"));
    app.clock.set(feed.next_poll_at.0);
    app.run_due().await;
    let feed = record(&app, &url).await;
    assert_eq!((feed.trouble_kind, feed.notes.lines().len()), (None, 0));
}

/// Starts a site that serves these feeds one after the other, then the last one again and again.
pub async fn serve(feeds: &[String]) -> MockServer {
    let site = MockServer::start().await;
    for (n, body) in feeds.iter().enumerate() {
        let mock = Mock::given(method("GET")).respond_with(document(body.clone()));
        if n + 1 < feeds.len() { mock.up_to_n_times(1).mount(&site).await } else { mock.mount(&site).await }
    }
    site
}

async fn a_feed_that_floods_is_held_until_an_operator_accepts(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let url = format!("{}/feed", site.uri());
    let items = |from: i64, to: i64, date: &str| -> String {
        (from..=to).map(|n| item(&format!("Story {n}"), &format!("{}/{n}", site.uri()), date)).collect()
    };
    let yesterday = items(1, 4, "Thu, 30 Apr 2026 06:00:00 GMT");
    respond_once(&site, "/feed", feed(&yesterday)).await;
    respond(&site, "/feed", feed(&(items(5, 26, "Fri, 01 May 2026 08:00:00 GMT") + &yesterday))).await;
    add(&app, &url).await;
    app.add_operator("desk@courier.example").await;
    app.reader("ann@example.org").await;
    app.run_due_after(SignedDuration::from_hours(2)).await;
    app.run_due().await;
    let held = record(&app, &url).await;
    assert_eq!(held.trouble_kind, Some(TroubleKind::Flood));
    assert!(held.trouble.unwrap().contains("22 new articles"));
    assert_eq!(app.count_emails(EmailKind::FeedTrouble).await, 1);
    assert!(app.emails_to("desk@courier.example")[0].text().contains("daily feed accept"));

    let daily = app.newsletter().await;
    app.send(&daily).await;
    let text = app.visitor("ann@example.org").last_email().text();
    assert!(text.contains("Story 4") && !text.contains("Story 5"), "{text}");

    app.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(accept_feed(&app.app.actions, &OPERATOR, &url).await.unwrap(), Accepted::Articles(22));
    assert_eq!(accept_feed(&app.app.actions, &OPERATOR, &url).await.unwrap(), Accepted::NotHeld);
    assert_eq!(record(&app, &url).await.trouble_kind, None);
    app.clock.advance(DAY);
    app.send(&daily).await;
    let text = app.visitor("ann@example.org").last_email().text();
    assert!(text.contains("Story 26"), "{text}");
}
