//! Operators in a real browser: the first sign-in with a second factor, and the main path.

use crate::support::{
    Engine, TestApp,
    browser::Browser,
    operator::{PASSWORD, key_in},
};
use daily::{
    actions::operator::links::{make_demo_link, make_first_link},
    db::engine::processes,
    domain::operator::totp,
};
use fantoccini::{Client, Locator};

/// Stories run workers and pages. This makes a scheduler look alive, too.
async fn with_scheduler(app: &TestApp) {
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "scheduler", "scheduler", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

pub(super) async fn fill(client: &Client, field: &str, text: &str) {
    let field = client.find(Locator::Css(field)).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(text).await.unwrap();
}

pub(super) async fn shows(client: &Client, text: &str) {
    let source = client.source().await.unwrap();
    assert!(source.contains(text), "no {text} in {source}");
}

/// Signs somebody in who may do everything.
pub(super) async fn sign_in(app: &TestApp, client: &Client) {
    app.operator("Ada", "editor,sender,admin").await;
    let operator = app.operator_record("ada@example.org").await.id;
    let token = make_demo_link(&app.app.actions, operator).await.unwrap();
    client.goto(&format!("{}/admin/demo/{token}", app.url)).await.unwrap();
}

pub(super) async fn newsroom() -> TestApp {
    let app = TestApp::start(Engine::Sqlite).await;
    app.reader("ann@example.org").await;
    for title in ["The bridge opens", "The market moves", "The ferry sails"] {
        app.story(title, "Harbour").await;
    }
    app.send_issue().await;
    app.clock.advance(jiff::SignedDuration::from_secs(2));
    for title in ["Rain at last", "A new mayor", "The whale"] {
        app.story(title, "Town").await;
    }
    app.change_newsletter(|it| {
        it.needs_approval = true;
        it.title = "The Lamp".into();
    })
    .await;
    with_scheduler(&app).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_for_the_first_time_and_approves_an_issue() {
    let app = newsroom().await;
    let token = make_first_link(&app.app.actions).await.unwrap().unwrap();
    let browser = Browser::start().await;
    let client = browser.client();
    client.goto(&format!("{}/admin/welcome/{token}", app.url)).await.unwrap();
    fill(client, "#address", "ines@example.org").await;
    fill(client, "#name", "Ines").await;
    fill(client, "#password", PASSWORD).await;
    fill(client, "#again", PASSWORD).await;
    browser.press("button.filled").await;
    shows(client, "Set up your second factor").await;
    assert!(client.find(Locator::Css("svg.qr path")).await.is_ok(), "the code to scan is there");
    let key = key_in(&client.source().await.unwrap());
    fill(client, "#code", &totp::code(&key, app.clock.now())).await;
    browser.press("button.filled").await;
    shows(client, "Keep these recovery codes").await;
    browser.press("a.filled").await;
    shows(client, "Tomorrow is ready, and waits for your approval.").await;
    // The issue: a key opens the review, a story is pinned, its headline edited.
    client.goto(&format!("{}/admin/n/daily/issues/2026-05-02", app.url)).await.unwrap();
    browser
        .turn_page(async |client: &Client| {
            let body = client.find(Locator::Css("body")).await.unwrap();
            body.send_keys("j").await.unwrap();
            let active = client.active_element().await.unwrap();
            active.send_keys("p").await.unwrap();
        })
        .await;
    shows(client, "<b>Pinned.</b>").await;
    client.goto(&format!("{}/admin/n/daily/issues/2026-05-02/edit", app.url)).await.unwrap();
    fill(client, "#subject", "Rain, and a mayor").await;
    browser.press("main button.filled").await;
    shows(client, "<b>Saved.</b>").await;
    client.goto(&format!("{}/admin/n/daily/issues/2026-05-02/preview", app.url)).await.unwrap();
    shows(client, "Rain, and a mayor").await;
    client.goto(&format!("{}/admin/n/daily/issues/2026-05-02/send", app.url)).await.unwrap();
    fill(client, "#to", "desk@example.net").await;
    browser
        .turn_page(async |client: &Client| {
            client.find(Locator::Css("#to")).await.unwrap().send_keys("\u{e007}").await.unwrap();
        })
        .await;
    app.settle().await;
    crate::support::eventually("the relay's answer appears by itself", || async {
        client.source().await.unwrap().contains("Taken").then_some(())
    })
    .await;
    fill(client, "#name", "The Lamp").await;
    browser.press(".decision button.filled").await;
    shows(client, "Tomorrow goes out at 07:00.").await;
    assert!(app.latest_issue().await.approved_at.is_some());
}
