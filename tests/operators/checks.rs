//! `daily check`, System, Today and the sheet before an issue goes out show the same findings.

use crate::support::{
    Engine, TestApp, on_both_engines,
    operator::{Desk, csrf_in, hidden},
    site::respond,
};
use daily::{
    db::{engine::processes, installation},
    domain::{delivery::relay::RelayUrl, subscriber::email_address::EmailAddress},
    settings::{Relay, Settings},
};
use std::collections::BTreeSet;
use wiremock::{MockServer, ResponseTemplate};

on_both_engines!(
    the_command_and_the_pages_have_the_same_findings,
    today_says_that_the_database_is_disarmed,
    today_says_that_the_disk_is_full,
    today_says_that_no_relay_takes_email,
    today_says_that_another_program_answers_at_the_public_address,
    a_relay_among_several_blocks_nothing,
    what_is_not_set_up_blocks_until_somebody_does_without,
);

const SEND: &str = "/admin/n/daily/issues/2026-05-01/send";
const APPROVE: &str = "/admin/n/daily/issues/2026-05-01/approve";

/// An issue that would go out in an hour by itself, but for what a story breaks.
async fn newsroom(engine: Engine, change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::start_with(engine, change).await;
    app.reader_at_once("ann@example.org").await;
    app.change_newsletter(|it| {
        it.title = "The Lamp".into();
        it.send_time = jiff::civil::time(13, 0, 0, 0);
        it.sender_address = EmailAddress::parse("news@lamp.example").unwrap();
        it.postal_address = "Quay 1, Port".into();
    })
    .await;
    for title in ["The bridge opens", "The market moves", "The ferry sails"] {
        app.article(title).await;
    }
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "scheduler", "scheduler", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    app
}

/// Returns the names of the findings on a page, without dates.
fn names_on(page: &str) -> BTreeSet<String> {
    let names = page.split("data-check=\"").skip(1).filter_map(|rest| rest.split('"').next());
    names.map(|name| without_date(&name.replace("&amp;", "&"))).collect()
}

/// The command has the machine's clock, so that its next issue has another date.
fn without_date(name: &str) -> String {
    let date = |word: &str| word.len() == 10 && word.chars().all(|c| c.is_ascii_digit() || c == '-');
    name.split(' ').map(|word| if date(word) { "DATE" } else { word }).collect::<Vec<_>>().join(" ")
}

/// Asserts that Today says why the next issue can't go out, and that it can't be approved.
async fn is_blocked(app: &TestApp, desk: &Desk<'_>, why: &str, cure: &str) {
    let today = desk.opens("/admin").await;
    assert!(today.contains(&format!("Today can’t go out: {why}.")), "{why}: {today}");
    assert!(!today.contains("Nothing blocks it") && !today.contains("Nothing needs you"), "{today}");
    let (_, needs) = today.split_once("id=\"needs\"").unwrap();
    let (needs, _) = needs.split_once("</section>").unwrap();
    assert!(needs.contains(cure), "{cure} is missing among what needs somebody: {needs}");
    let sheet = desk.opens(SEND).await;
    assert!(sheet.contains("Today can’t go out yet") && sheet.contains(cure), "{sheet}");
    let token = csrf_in(&sheet);
    let revision = hidden(&desk.opens("/admin/n/daily/issues/2026-05-01").await, "revision");
    let fields = [("csrf", token.as_str()), ("revision", revision.as_str()), ("name", "The Lamp")];
    let reply = desk.posts(APPROVE, &fields).await;
    let page = desk.opens(&reply.location.unwrap()).await;
    assert!(page.contains("<b>Not approved.</b>"), "{page}");
    assert!(app.issues().await.iter().all(|issue| issue.approved_at.is_none()));
}

async fn goes_out(desk: &Desk<'_>) {
    let today = desk.opens("/admin").await;
    assert!(today.contains("Today goes out by itself at 13:00"), "{today}");
    assert!(desk.opens(SEND).await.contains("Today is ready to send"));
}

async fn the_command_and_the_pages_have_the_same_findings(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    let found = app.program().run(&["check", "--json"]).await.json();
    let by_command: BTreeSet<String> =
        found.as_array().unwrap().iter().map(|it| without_date(it["what"].as_str().unwrap())).collect();
    let by_system = names_on(&desk.opens("/admin/system").await);
    assert_eq!(by_command, by_system);
    for name in ["armed", "disk", "links", "feeds", "readers (daily)", "issue of DATE (daily)"] {
        assert!(by_system.contains(name), "{name} is missing in {by_system:?}");
    }
    assert_eq!(names_on(&desk.opens(SEND).await), by_system, "there is one newsletter");
}

async fn today_says_that_the_database_is_disarmed(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    goes_out(&desk).await;
    let mut tx = app.app.db.begin().await.unwrap();
    installation::disarm(&mut tx, "it was restored", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    is_blocked(&app, &desk, "the database is disarmed", "Run: daily arm.").await;
}

async fn today_says_that_the_disk_is_full(engine: Engine) {
    let app = newsroom(engine, |settings| settings.monitoring.min_free_mb = u64::MAX / 1_000_000).await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    is_blocked(&app, &desk, "the disk is full", "Make room").await;
}

fn dead_relay() -> Relay {
    Relay::new(RelayUrl::parse("smtp://127.0.0.1:1").unwrap())
}

async fn today_says_that_no_relay_takes_email(engine: Engine) {
    let app = newsroom(engine, |settings| settings.relays = vec![dead_relay()]).await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    // Today waits for no relay, and knows only what was found out before.
    desk.opens("/admin/system").await;
    let why = "the relay smtp://127.0.0.1:1 takes no email";
    is_blocked(&app, &desk, why, "Check url and password under [[relays]]").await;
}

async fn a_relay_among_several_blocks_nothing(engine: Engine) {
    let app = newsroom(engine, |settings| settings.relays.insert(0, dead_relay())).await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    let system = desk.opens("/admin/system").await;
    assert!(system.contains("Relay smtp://127.0.0.1:1") && !system.contains("keep issues"), "{system}");
    goes_out(&desk).await;
}

async fn today_says_that_another_program_answers_at_the_public_address(engine: Engine) {
    let site = MockServer::start().await;
    respond(&site, "/healthz", ResponseTemplate::new(200).set_body_string("a parked domain")).await;
    let uri = site.uri();
    let app = newsroom(engine, move |settings| {
        settings.relays.push(dead_relay());
        settings.schedule.require_ready = true;
        settings.http.public_url = uri;
    })
    .await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    let system = desk.opens("/admin/system").await;
    assert!(system.contains("answers, but not as Daily does"), "{system}");
    // An address of this machine is refused for other reasons, too.
    assert!(desk.opens(SEND).await.contains("another program answers at the public address"));
}

async fn what_is_not_set_up_blocks_until_somebody_does_without(engine: Engine) {
    let app = newsroom(engine, |settings| {
        settings.schedule.require_ready = true;
        settings.relays.push(dead_relay());
        settings.http.public_url = "https://news.lamp.example".into();
    })
    .await;
    app.change_newsletter(|it| it.postal_address = String::new()).await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    is_blocked(&app, &desk, "postal address: there is none", "Write it").await;
    let page = desk.does(SEND, "/admin/n/daily/issues/2026-05-01/anyway", &[("name", "The Lamp")]).await;
    assert!(page.contains("<b>Noted.</b>") && page.contains("Today is ready to send"), "{page}");
    let today = desk.opens("/admin").await;
    assert!(!today.contains("can’t go out"), "{today}");
}
