//! Articles' pages and pictures: checked for missing metadata, and again before an issue is frozen.

use crate::{
    feeds::{add, start_with},
    support::{
        Engine, TestApp, at, on_both_engines,
        site::{feed, respond, respond_once},
    },
};
use daily::{
    db::content::articles::{self, ArticleRecord},
    domain::{content::article::FoundArticle, ids::ArticleId},
    jobs::check_article::{Recheck, recheck},
};
use jiff::SignedDuration;
use std::time::Duration;
use wiremock::{MockServer, ResponseTemplate};

async fn start(engine: Engine) -> TestApp {
    start_with(engine, |settings| settings.feeds.look_at_pages = true).await
}

/// Returns the beginning of a PNG file.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0]);
    bytes
}

fn html(head: &str, title: &str) -> ResponseTemplate {
    let page = format!(
        "<html><head><title>{title}</title>{head}</head><body><h1>{title}</h1><p>The lights are back.</p></body></html>"
    );
    ResponseTemplate::new(200).set_body_raw(page, "text/html")
}

fn entry(site: &MockServer, title: &str, slug: &str, more: &str) -> String {
    format!("<item><title>{title}</title><link>{}/{slug}</link>{more}</item>", site.uri())
}

/// Reads a feed, then runs the scheduler until nothing is due.
async fn read(app: &TestApp, site: &MockServer) {
    add(app, &format!("{}/feed", site.uri())).await;
    for _ in 0..6 {
        app.run_due().await;
    }
}

async fn article(app: &TestApp, id: i64) -> ArticleRecord {
    app.article_record(ArticleId(id)).await
}

on_both_engines!(
    a_page_supplies_metadata_that_the_feed_lacks,
    only_suitable_pictures_go_into_emails,
    a_failed_check_is_retried_less_and_less_often_and_then_given_up,
    a_dead_link_is_replaced_by_the_feeds_new_one,
    pages_are_rechecked_before_the_issue_is_frozen,
    a_first_check_does_not_believe_a_page_that_stands_in_for_the_article,
    pages_that_name_one_address_as_theirs_are_as_many_articles,
);

async fn a_page_supplies_metadata_that_the_feed_lacks(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let head = "<meta property='article:published_time' content='2026-05-01T06:00:00Z'><meta name=author content='Ann Lee'>\
                <meta property='og:image' content='/i.png'><meta property='og:image:alt' content='Two lights'>\
                <meta property='article:section' content='Coast'><meta property='og:description' content='Lights, back after a year.'>";
    respond(
        &site,
        "/feed",
        feed(&format!(
            "{}{}",
            entry(&site, "Lights return", "lights", ""),
            entry(&site, "A page of tomorrow", "later", "")
        )),
    )
    .await;
    respond(&site, "/lights", html(head, "Lights return to the harbour")).await;
    respond(&site, "/i.png", ResponseTemplate::new(200).set_body_raw(png(1200, 630), "text/plain")).await;
    respond(
        &site,
        "/later",
        html("<meta property='article:published_time' content='2027-01-01T06:00:00Z'>", "A page of tomorrow"),
    )
    .await;
    read(&app, &site).await;
    let it = article(&app, 1).await;
    assert_eq!(it.title, "Lights return", "headlines are the feed's");
    assert_eq!(it.page_title.as_deref(), Some("Lights return to the harbour"));
    assert_eq!((it.author.as_deref(), it.section.as_deref()), (Some("Ann Lee"), Some("Coast")));
    assert_eq!(it.dek.as_deref(), Some("Lights, back after a year."));
    assert_eq!(it.image_url, Some(format!("{}/i.png", site.uri())));
    assert_eq!(
        (it.image_alt.as_deref(), it.image_width, it.image_height),
        (Some("Two lights"), Some(1200), Some(630))
    );
    assert_eq!(it.published_at.unwrap().0, at("2026-05-01T06:00:00Z"));
    assert!(it.checked_at.is_some());
    assert_eq!(
        article(&app, 2).await.published_at.unwrap().0,
        app.clock.now(),
        "never later than when it was seen"
    );
}

async fn only_suitable_pictures_go_into_emails(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let heavy =
        ResponseTemplate::new(200).set_body_raw([png(900, 600), vec![0; 5_000_001]].concat(), "image/png");
    let pictures = [
        ("fit.png", ResponseTemplate::new(200).set_body_raw(png(900, 600), "image/png")),
        ("dot.gif", ResponseTemplate::new(200).set_body_raw(&b"GIF89a\x01\0\x01\0\0\0\0"[..], "image/gif")),
        ("small.png", ResponseTemplate::new(200).set_body_raw(png(199, 400), "image/png")),
        ("page.png", ResponseTemplate::new(200).set_body_raw("<html><title>Not found", "image/png")),
        ("heavy.png", heavy),
        ("gone.png", ResponseTemplate::new(404)),
        ("blank.gif", ResponseTemplate::new(200).set_body_raw(png(900, 600), "image/png")),
        // Words in a file name prove nothing.
        (
            "pixel/google-pixel-681x1024.png",
            ResponseTemplate::new(200).set_body_raw(png(681, 1024), "image/png"),
        ),
    ];
    let mut items = String::new();
    for (n, (name, answer)) in pictures.into_iter().enumerate() {
        respond(&site, &format!("/{name}"), answer).await;
        respond(&site, &format!("/story{n}"), html("", &format!("Story number {n}"))).await;
        let image = format!("<enclosure url='{}/{name}' type='image/png' length='1'/>", site.uri());
        items.push_str(&entry(&site, &format!("Story number {n}"), &format!("story{n}"), &image));
    }
    // The first suitable one of several pictures is used.
    let named = "<meta property='og:image' content='/small.png'><meta name='twitter:image' content='/gone.png'>\
                 <link rel='image_src' href='/fit.png'>";
    respond(&site, "/several", html(named, "Story with several")).await;
    items.push_str(&entry(&site, "Story with several", "several", ""));
    respond(&site, "/feed", feed(&items)).await;
    read(&app, &site).await;
    for _ in 0..3 {
        app.run_due().await;
    }
    let mut images = Vec::new();
    for id in 1..=9 {
        let it = article(&app, id).await;
        assert!(it.checked_at.is_some(), "{it:?}");
        images.push(it.image_url);
    }
    assert_eq!(images[0], Some(format!("{}/fit.png", site.uri())));
    assert!(images[1..7].iter().all(Option::is_none), "{images:?}");
    assert!(images[7].as_ref().is_some_and(|it| it.ends_with("/google-pixel-681x1024.png")), "{images:?}");
    assert_eq!(images[8], images[0]);
}

async fn a_failed_check_is_retried_less_and_less_often_and_then_given_up(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    respond(&site, "/feed", feed(&entry(&site, "Lights return", "lights", ""))).await;
    respond(&site, "/lights", ResponseTemplate::new(500)).await;
    read(&app, &site).await;
    let looks = async || {
        site.received_requests().await.unwrap().iter().filter(|it| it.url.path() == "/lights").count()
    };
    let mut seen = vec![looks().await];
    for minutes in [4, 1, 30, 119, 1, 6 * 60, 24 * 60, 24 * 60] {
        app.run_due_after(SignedDuration::from_mins(minutes)).await;
        seen.push(looks().await);
    }
    assert_eq!(seen, [1, 1, 2, 3, 3, 4, 5, 5, 5]);
    let mut tx = app.app.db.read().await.unwrap();
    let look = articles::to_check(&mut tx, ArticleId(1)).await.unwrap().unwrap();
    assert_eq!((look.check_after, look.check_tries), (None, 5));
}

async fn a_dead_link_is_replaced_by_the_feeds_new_one(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let with_id = "<guid isPermaLink='false'>7</guid>";
    respond_once(&site, "/feed", feed(&entry(&site, "Lights return", "old", with_id))).await;
    respond(&site, "/feed", feed(&entry(&site, "Lights return", "new", with_id))).await;
    respond_once(&site, "/old", html("", "Lights return")).await;
    respond(&site, "/old", ResponseTemplate::new(410)).await;
    respond(&site, "/new", html("", "Lights return")).await;
    read(&app, &site).await;
    assert_eq!(article(&app, 1).await.url, format!("{}/old", site.uri()));
    app.run_due_after(SignedDuration::from_mins(16)).await;
    app.run_due_after(SignedDuration::from_hours(6)).await;
    app.run_due().await;
    assert_eq!(article(&app, 1).await.url, format!("{}/new", site.uri()));
}

async fn pages_are_rechecked_before_the_issue_is_frozen(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let slugs =
        ["same", "gone", "moved", "retitled", "broken", "front", "slow", "check", "wall", "part/section"];
    let items: String =
        slugs.iter().map(|slug| entry(&site, &format!("The story called {slug}"), slug, "")).collect();
    respond(&site, "/feed", feed(&items)).await;
    for slug in slugs {
        respond_once(&site, format!("/{slug}"), html("", &format!("The story called {slug}"))).await;
    }
    read(&app, &site).await;
    // One page of a host is checked at a time.
    for _ in slugs {
        app.run_due().await;
    }
    let to = |place: &str| ResponseTemplate::new(301).insert_header("location", place);
    respond(&site, "/same", html("", "The story called “Same”")).await;
    respond(&site, "/gone", ResponseTemplate::new(404)).await;
    respond(&site, "/moved", to("/same")).await;
    respond(&site, "/retitled", html("", "The story that was called otherwise")).await;
    respond(&site, "/broken", ResponseTemplate::new(503)).await;
    respond(&site, "/front", to("/")).await;
    respond(&site, "/", html("", "The Lamp")).await;
    respond(&site, "/check", html("", "Just a moment…")).await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "/login?next=wall");
    respond(&site, "/wall", elsewhere).await;
    respond(&site, "/login", html("", "Sign in to The Lamp")).await;
    respond(&site, "/part/section", to("/part/")).await;
    respond(&site, "/part/", html("", "Part")).await;
    respond(&site, "/slow", html("", "The story called slow").set_delay(Duration::from_hours(1))).await;
    let mut outcomes = Vec::new();
    for id in 1..=10 {
        let article = article(&app, id).await;
        // Only the slow page may time out, however busy this machine is.
        let limit = Duration::from_millis(if article.url.ends_with("/slow") { 100 } else { 30_000 });
        outcomes.push(recheck(&app.app.jobs.feeds, &article, limit).await);
    }
    let same = format!("{}/same", site.uri()).parse().unwrap();
    assert_eq!(
        outcomes[..4],
        [
            Recheck::Unchanged,
            Recheck::Gone,
            Recheck::Moved(same),
            Recheck::Retitled("The story that was called otherwise".into()),
        ]
    );
    for (outcome, says) in [(&outcomes[4], "503"), (&outcomes[6], "too slowly")] {
        assert!(matches!(outcome, Recheck::Unknown(why) if why.contains(says)), "{outcome:?}");
    }
    let doubtful = ["front page", "“Just a moment…”", "“Sign in to The Lamp”", "section page"];
    for (outcome, says) in [5, 7, 8, 9].map(|at| &outcomes[at]).into_iter().zip(doubtful) {
        assert!(matches!(outcome, Recheck::Doubtful(why) if why.contains(says)), "{outcome:?}");
    }
}

async fn a_first_check_does_not_believe_a_page_that_stands_in_for_the_article(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    respond(&site, "/feed", feed(&entry(&site, "Lights return to the quay", "lights", ""))).await;
    respond_once(
        &site,
        "/lights",
        html(r#"<meta name="description" content="Verify you are human">"#, "Just a moment…"),
    )
    .await;
    respond(
        &site,
        "/lights",
        html(r#"<meta name="description" content="The quay is bright again.">"#, "Lights return"),
    )
    .await;
    read(&app, &site).await;
    assert_eq!(article(&app, 1).await.dek, None);
    app.run_due_after(SignedDuration::from_mins(6)).await;
    assert_eq!(article(&app, 1).await.dek.as_deref(), Some("The quay is bright again."));
}

async fn pages_that_name_one_address_as_theirs_are_as_many_articles(engine: Engine) {
    let app = start(engine).await;
    let url = |place: &str| Some(format!("https://lamp.example/{place}").parse().unwrap());
    let page = |place: &str, title: &str| FoundArticle {
        url: url("overview"),
        found_at: url(place),
        ..FoundArticle::titled(title)
    };
    let mut ids = Vec::new();
    for (place, title) in [
        ("flags", "Flags of the harbour"),
        ("boats", "Boats of the harbour"),
        ("gulls", "Gulls of the harbour"),
        ("flags?print=1", "Flags of the harbour"),
        ("boats", "Boats of the harbour"),
    ] {
        ids.push(app.add_article(page(place, title)).await.0);
    }
    assert_eq!(ids, [ids[0], ids[1], ids[2], ids[0], ids[1]]);
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    assert_eq!(article(&app, ids[2]).await.url, "https://lamp.example/gulls");
}
