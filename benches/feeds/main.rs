//! Measures how long reading 200 local feeds and storing 100,000 articles takes. Run `cargo bench --bench
//! feeds`, or with other numbers `cargo bench --bench feeds -- FEEDS ITEMS`.
//!
//! One server on this machine stands in for all hosts (127.0.0.1, 127.0.0.2, …). The benchmark prints its
//! figures and asserts nothing.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed, and says where")]

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use daily::{
    actions::feed::add_feed::add_feed,
    app::App,
    clock::Clock,
    content::{feed::parse_feed, fetch::Unchanged},
    db::{
        DatabaseUrl,
        content::{articles, feeds},
    },
    domain::actor::Actor,
    jobs::poll_feed::{self, Reading},
    service::run::{Role, run},
    settings::Settings,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Items of each polled feed.
const POLLED_ITEMS: usize = 30;

#[tokio::main]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let count = numbers.first().copied().unwrap_or(200);
    let items = numbers.get(1).copied().unwrap_or(100_000 / count);
    println!("{count} feeds of {POLLED_ITEMS} items, each on a host of its own");
    polling(count).await;
    println!("\n{count} feeds of {items} items: {} articles", count * items);
    storing(count, items).await;
}

async fn start(folder: &std::path::Path, clock: Clock) -> App {
    let mut settings = Settings::defaults().unwrap();
    settings.database.url = DatabaseUrl::Sqlite(folder.join("daily.db"));
    settings.data.folder = folder.to_owned();
    settings.feeds.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
    settings.feeds.look_at_pages = false;
    App::start(settings, clock).await.unwrap()
}

async fn polling(count: usize) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/{feed}", get(serve_feed));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path(), Clock::system()).await;
    let stop = CancellationToken::new();
    let begun = Instant::now();
    for n in 0..count {
        let url = format!("http://127.0.{}.{}:{port}/{n}", n / 200, n % 200 + 1);
        add_feed(&app.actions, &Actor::system("benchmark"), &url).await.unwrap();
    }
    println!("  added                    {:>8.2} s", begun.elapsed().as_secs_f64());
    for role in [Role::Worker, Role::Scheduler] {
        tokio::spawn(run(app.clone(), role, None, stop.clone()));
    }
    report("first reading, all new", &app, app.jobs.issues.clock.now() - SignedDuration::from_hours(1)).await;
    let now = make_all_due(&app).await;
    report("second, 304 each", &app, now).await;
    stop.cancel();
}

/// Makes all feeds due again.
async fn make_all_due(app: &App) -> Timestamp {
    let now = app.jobs.issues.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    for feed in feeds::list(&mut tx).await.unwrap() {
        feeds::postpone(&mut tx, feed.id, now).await.unwrap();
    }
    tx.commit().await.unwrap();
    now
}

/// Waits until all feeds have been read after `since`, and prints the time.
async fn report(what: &str, app: &App, since: Timestamp) {
    let begun = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut tx = app.db.read().await.unwrap();
        let all = feeds::list(&mut tx).await.unwrap();
        if let Some(failed) = all.iter().find(|it| it.failures > 0) {
            println!("  {} failed: {:?}", failed.url, failed.last_error);
            return;
        }
        if all.iter().all(|it| it.succeeded_at.is_some_and(|at| at.0 > since)) {
            break;
        }
    }
    println!("  {what:<24} {:>8.2} s, peak {}", begun.elapsed().as_secs_f64(), peak_memory());
}

async fn storing(count: usize, items: usize) {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path(), Clock::system()).await;
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(
            add_feed(&app.actions, &Actor::system("benchmark"), &format!("https://site{n}.example/feed"))
                .await
                .unwrap(),
        );
    }
    for what in ["stored, all new", "stored, all known"] {
        let begun = Instant::now();
        let mut slowest = Duration::ZERO;
        for (n, id) in ids.iter().enumerate() {
            let feed = parse_feed(rss(n, items).as_bytes(), None, None).unwrap();
            let one = Instant::now();
            let reading = Reading::Feed(Box::new(feed), Unchanged::default());
            poll_feed::store_reading(&app.jobs.feeds, *id, &reading).await.unwrap();
            slowest = slowest.max(one.elapsed());
        }
        let (all, slowest) = (begun.elapsed().as_secs_f64(), slowest.as_secs_f64());
        println!("  {what:<24} {all:>8.2} s, slowest feed {slowest:.3} s, peak {}", peak_memory());
    }
    let begun = Instant::now();
    let now = app.jobs.issues.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    let woken = articles::wake_due(&mut tx, now, now - SignedDuration::from_mins(2), 64).await.unwrap();
    println!("  waking {} page checks    {:>8.4} s", woken.len(), begun.elapsed().as_secs_f64());
}

async fn serve_feed(Path(feed): Path<usize>, headers: HeaderMap) -> Response {
    let etag = format!("\"{feed}\"");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|asked| asked == etag.as_str()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::ETAG, etag)], rss(feed, POLLED_ITEMS)).into_response()
}

fn rss(feed: usize, items: usize) -> String {
    let now: Timestamp = "2026-05-01T06:00:00Z".parse().unwrap();
    let text = "A sentence of the usual length, which says what happened and to whom. ".repeat(8);
    let mut rss = format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Site {feed}</title>\
         <link>https://site{feed}.example/</link>"
    );
    for n in 0..items {
        let at = now - SignedDuration::from_mins(i64::try_from(n * 37).unwrap());
        let at = at.strftime("%a, %d %b %Y %H:%M:%S +0000");
        write!(
            rss,
            "<item><title>Story {n} of site {feed}: what happened next</title>\
             <link>https://site{feed}.example/stories/{n}</link><guid>https://site{feed}.example/?p={n}</guid>\
             <pubDate>{at}</pubDate><category>News</category><description>{text}</description></item>"
        )
        .unwrap();
    }
    rss.push_str("</channel></rss>");
    rss
}

/// Returns the process's peak memory.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown".into(), |peak| peak.split_whitespace().collect::<Vec<_>>().join(" "))
}
