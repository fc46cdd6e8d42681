//! Monitoring: figures for Prometheus, readiness, and the heartbeat after each issue.

use crate::{
    feeds::{add, start_with},
    support::{
        DAY, Engine, TestApp, eventually, on_both_engines, on_postgres,
        postgres_cluster::Cluster,
        service::Installation,
        site::{feed, respond, respond_once},
    },
};
use daily::{
    db::{DatabaseUrl, engine::processes, installation},
    domain::issue::status::IssueStatus,
    service::{gauges, run::site},
    web::{self, server::ServerLimits},
};
use jiff::SignedDuration;
use std::{collections::BTreeSet, net::SocketAddr, path::Path};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wiremock::{MockServer, ResponseTemplate};

/// Returns the sum of a figure over all lines with these labels.
fn sum(figures: &str, name: &str, labels: &str) -> f64 {
    figures
        .lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(name) && line.contains(labels))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

/// Collects the figures of the database, and returns all that the process has.
async fn figures(app: &TestApp) -> String {
    gauges::collect(&app.app).await;
    app.get("/metrics").await.text().await.unwrap()
}

on_both_engines!(
    figures_tell_what_the_process_has_done,
    figures_tell_what_waits,
    the_heartbeat_is_called_after_each_issue_until_it_succeeds,
    readiness_needs_an_armed_database_a_worker_and_a_scheduler,
);

async fn figures_tell_what_the_process_has_done(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.reader("ann@example.org").await;
    app.reader("ben@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let text = figures(&app).await;
    for (name, labels, value) in [
        ("daily_deliveries_total", "outcome=\"sent\"", 2.0),
        ("daily_deliveries_total", "outcome=\"failed\"", 0.0),
        ("daily_emails_total", "kind=\"confirmation\",outcome=\"sent\"", 2.0),
        ("daily_signups_total", "result=\"accepted\"", 2.0),
        ("daily_confirmations_total", "", 2.0),
        ("daily_jobs_total", "kind=\"freeze_issue\",outcome=\"done\"", 1.0),
        ("daily_http_request_seconds_count", "method=\"POST\",route=\"/subscribe\",status=\"2xx\"", 2.0),
        ("daily_database_up", "", 1.0),
        ("daily_processes", "part=\"worker\"", 1.0),
        ("daily_relay_up", "relay=\"mailbox:", 1.0),
        ("daily_queue_jobs", "", 0.0),
        ("daily_issues", "", 0.0),
    ] {
        assert!((sum(&text, name, labels) - value).abs() < 0.5, "{name}{{{labels}}} is not {value}:\n{text}");
    }
    assert!(sum(&text, "daily_recorder_commit_seconds_count", "") >= 1.0, "{text}");
    assert!(sum(&text, "daily_disk_free_bytes", "") > 0.0, "{text}");
    // Routes are patterns, because paths contain readers' tokens. Nothing names a reader.
    assert!(text.contains("route=\"/confirm/{token}\"") && !text.contains("example.org"), "{text}");
}

async fn figures_tell_what_waits(engine: Engine) {
    let app = start_with(engine, |_| {}).await;
    let site = MockServer::start().await;
    respond(&site, "/feed", feed("")).await;
    add(&app, &format!("{}/feed", site.uri())).await;
    let text = figures(&app).await;
    assert!(sum(&text, "daily_feeds", "state=\"ok\"") > 0.5, "{text}");
    assert!(sum(&text, "daily_feed_lag_seconds", "") < 0.5, "{text}");
    app.change_newsletter(|it| it.needs_approval = true).await;
    app.article("The bridge opens").await;
    app.reader("ann@example.org").await;
    app.run_due_at("2026-05-02T06:30:00Z").await;
    app.clock.set("2026-05-02T07:10:00Z".parse().unwrap());
    let text = figures(&app).await;
    assert!((sum(&text, "daily_issues", "status=\"planned\"") - 1.0).abs() < 0.5, "{text}");
    assert!((sum(&text, "daily_issue_overdue_seconds", "") - 600.0).abs() < 0.5, "{text}");
    app.clock.advance(DAY);
    let text = figures(&app).await;
    assert!(sum(&text, "daily_feed_lag_seconds", "") > 3600.0, "{text}");
}

async fn the_heartbeat_is_called_after_each_issue_until_it_succeeds(engine: Engine) {
    let service = MockServer::start().await;
    let url = format!("{}/a-secret-key", service.uri());
    let app = start_with(engine, |settings| {
        settings.monitoring.heartbeat_url = Some(url.parse().unwrap());
        // The operator's own address may be private.
        settings.feeds.allow_networks.clear();
    })
    .await;
    respond_once(&service, "/a-secret-key", ResponseTemplate::new(500)).await;
    respond(&service, "/a-secret-key", ResponseTemplate::new(200)).await;
    let calls = async || service.received_requests().await.unwrap().len();
    app.article("The bridge opens").await;
    app.reader("ann@example.org").await;
    app.run_due().await;
    assert_eq!(calls().await, 0);
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let mut seen = Vec::new();
    for minutes in [0, 1, 1, 2, 10] {
        app.run_due_after(SignedDuration::from_mins(minutes)).await;
        seen.push(calls().await);
    }
    assert_eq!(seen, [1, 1, 2, 2, 2]);
    // A service that never answers well is given up.
    service.reset().await;
    respond(&service, "/a-secret-key", ResponseTemplate::new(404)).await;
    app.clock.advance(DAY);
    app.article("The bridge closes").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    for _ in 0..15 {
        app.run_due_after(SignedDuration::from_mins(3)).await;
    }
    assert_eq!(calls().await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_machine_and_allowed_networks_get_figures() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.monitoring.allow_networks = vec!["203.0.113.0/24".parse().unwrap()];
        settings.http.trusted_proxies = vec!["127.0.0.1".parse::<std::net::IpAddr>().unwrap().into()];
    })
    .await;
    assert_eq!(app.get("/metrics").await.status(), 200);
    for (client, status) in [("203.0.113.9", 200), ("198.51.100.1", 404), ("127.0.0.1", 404)] {
        let answer = app.getting("/metrics").header("x-forwarded-for", client).send().await.unwrap();
        assert_eq!(answer.status(), status, "{client}");
        assert_eq!(answer.text().await.unwrap().contains("daily_"), status == 200, "{client}");
    }
    let kind = app.get("/metrics").await.headers()["content-type"].clone();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_pages_has_figures_and_health_checks() {
    let app = TestApp::start(Engine::Sqlite).await;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let router = web::monitoring_router(site(&app.app));
    let serving = tokio::spawn(web::server::serve(listener, router, ServerLimits::new(4), stop.clone()));
    for (path, status) in
        [("/metrics", 200), ("/healthz", 200), ("/readyz", 503), ("/", 404), ("/issues", 404)]
    {
        let answer = app.get(&format!("{url}{path}")).await;
        assert_eq!(answer.status(), status, "{path}");
    }
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_needs_space_on_the_disk() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.monitoring.min_free_mb = u64::MAX / 1_000_000;
    })
    .await;
    eventually("the disk is reported", || async {
        app.page("/readyz").await.contains("the disk is nearly full").then_some(())
    })
    .await;
}

/// Faults that keep a process from being ready, each alone, with the words that only this machine gets.
async fn readiness_needs_an_armed_database_a_worker_and_a_scheduler(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1".parse::<std::net::IpAddr>().unwrap().into()];
    })
    .await;
    let says = async |status: u16, words: &str| {
        let page = app.page("/readyz").await;
        assert_eq!((page.status, page.trim()), (status, words));
        let abroad = app.getting("/readyz").header("x-forwarded-for", "198.51.100.1").send().await.unwrap();
        let expected = if status == 200 { "ready\n" } else { "not ready\n" };
        assert_eq!((abroad.status().as_u16(), abroad.text().await.unwrap().as_str()), (status, expected));
    };
    eventually("the worker is alive", || async {
        app.page("/readyz").await.contains("no scheduler").then_some(())
    })
    .await;
    says(503, "no scheduler is alive: start `daily serve --role scheduler`").await;
    let heartbeat = async |role: &str| {
        let mut tx = app.app.db.begin().await.unwrap();
        processes::heartbeat(&mut tx, role, role, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    heartbeat("scheduler").await;
    says(200, "ready").await;
    let mut tx = app.app.db.begin().await.unwrap();
    installation::disarm(&mut tx, "it was restored", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    says(503, "the database is disarmed, and nothing is sent: see `daily arm`").await;
    // Pages alone send nothing.
    let alone = Installation::new(engine).await;
    let (environment, url) = alone.daily.clone().listening();
    let _running = environment.start(&["serve", "--role", "web"]);
    eventually("the pages say what is missing", || async {
        let answer = app.client.get(format!("{url}/readyz")).send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        (status == 503 && text.contains("no worker is alive: start `daily serve --role worker`"))
            .then_some(())
    })
    .await;
}

on_postgres!(readiness_ends_with_the_database_and_returns_with_it);

async fn readiness_ends_with_the_database_and_returns_with_it() {
    let database = tokio::task::spawn_blocking(|| Cluster::start("fsync = off")).await.unwrap();
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.database.url = DatabaseUrl::Postgres(database.url("postgres"));
    })
    .await;
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "scheduler", "scheduler", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let says = async |status: u16, words: &str| {
        eventually(words, || async {
            let page = app.page("/readyz").await;
            (page.status == status && page.starts_with(words)).then_some(())
        })
        .await;
    };
    says(200, "ready").await;
    database.control(&["stop", "-m", "fast"]).await;
    says(503, "the database").await;
    database.control(&["start"]).await;
    says(200, "ready").await;
}

#[test]
fn the_guide_lists_every_figure_and_dashboard_and_alerts_name_only_those() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |file: &str| -> BTreeSet<String> {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        let names = words.filter(|word| word.starts_with("daily_"));
        names.map(|word| word.trim_end_matches("_bucket").trim_end_matches("_count").to_owned()).collect()
    };
    let known = names("src/metrics/names.rs");
    assert!(known.len() > 20, "{known:?}");
    assert_eq!(names("docs/guides/monitoring.md"), known);
    for file in ["examples/monitoring/grafana.json", "examples/monitoring/alerts.yml"] {
        let unknown: Vec<String> = names(file).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}
