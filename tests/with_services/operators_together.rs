//! Operators who work together, each in a browser of their own.

use super::operators::{fill, newsroom, shows};
use crate::support::{TestApp, browser::Browser, eventually};
use daily::{actions::operator::links::make_demo_link, domain::issue::status::IssueStatus};
use fantoccini::{Client, Locator};

const ISSUE: &str = "/admin/n/daily/issues/2026-05-02";

async fn sign_in(app: &TestApp, client: &Client, name: &str, roles: &str) {
    app.operator(name, roles).await;
    let operator = app.operator_record(&format!("{}@example.org", name.to_lowercase())).await.id;
    let token = make_demo_link(&app.app.actions, operator).await.unwrap();
    client.goto(&format!("{}/admin/demo/{token}", app.url)).await.unwrap();
}

async fn goto(app: &TestApp, client: &Client, path: &str) {
    client.goto(&format!("{}{path}", app.url)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_editors_change_the_same_text_and_neither_loses_theirs() {
    let app = newsroom().await;
    let (first, second) = (Browser::start().await, Browser::without_scripts().await);
    let (ines, tom) = (first.client(), second.client());
    sign_in(&app, ines, "Ines", "editor").await;
    sign_in(&app, tom, "Tom", "editor").await;
    for client in [ines, tom] {
        goto(&app, client, &format!("{ISSUE}/edit")).await;
    }
    fill(tom, "#subject", "Rain at last").await;
    second.press("main button.filled").await;
    shows(tom, "<b>Saved.</b>").await;
    fill(ines, "#subject", "Rain, and a mayor").await;
    first.press("main button.filled").await;
    shows(ines, "Two people changed the same text").await;
    let mine = ines.find(Locator::Css("#subject-mine")).await.unwrap();
    let theirs = ines.find(Locator::Css("#subject-theirs")).await.unwrap();
    let value = async |field: &fantoccini::elements::Element| field.prop("value").await.unwrap().unwrap();
    assert_eq!(
        (value(&mine).await, value(&theirs).await),
        ("Rain, and a mayor".into(), "Rain at last".into())
    );
    fill(ines, "#subject-mine", "Rain at last, and a mayor").await;
    first.press("form[action$='/edit'] button").await;
    shows(ines, "<b>Saved.</b>").await;
    goto(&app, tom, ISSUE).await;
    shows(tom, "Rain at last, and a mayor").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_that_an_old_page_shows_does_not_undo_a_colleague() {
    let app = newsroom().await;
    let (first, second) = (Browser::start().await, Browser::without_scripts().await);
    let (ines, tom) = (first.client(), second.client());
    sign_in(&app, ines, "Ines", "editor").await;
    sign_in(&app, tom, "Tom", "editor").await;
    for client in [ines, tom] {
        goto(&app, client, ISSUE).await;
    }
    let row = "#story4";
    second.press(&format!("{row} button[name=drop]")).await;
    shows(tom, "<b>Dropped.</b>").await;
    // A key presses the button of the row that is chosen.
    let place = "return [...document.querySelectorAll('[data-row]')].findIndex(it => it.id === 'story4')";
    let place = ines.execute(place, vec![]).await.unwrap().as_u64().unwrap();
    for _ in 0..=place {
        ines.active_element().await.unwrap().send_keys("j").await.unwrap();
    }
    first
        .turn_page(async |client: &Client| {
            client.active_element().await.unwrap().send_keys("p").await.unwrap();
        })
        .await;
    shows(ines, "Two people decided about the same story").await;
    shows(ines, "<b>Tom</b> dropped it").await;
    first.press("button[name=pin]").await;
    shows(ines, "<b>Pinned.</b>").await;
    // The page opens at the row, which the next keys are about.
    let chosen = ines.find(Locator::Css("[data-row].chosen")).await.unwrap();
    assert_eq!(chosen.attr("id").await.unwrap().as_deref(), Some("story4"));
    first
        .turn_page(async |client: &Client| {
            client.active_element().await.unwrap().send_keys("x").await.unwrap();
        })
        .await;
    shows(ines, "<b>Dropped.</b>").await;
    assert!(ines.find(Locator::Css(row)).await.is_err());
    let next = ines.find(Locator::Css("[data-row].chosen")).await.unwrap();
    assert_ne!(next.attr("id").await.unwrap().as_deref(), Some("story4"), "the keys go on at the next row");
    // `t` leads to the test, and there to its field.
    goto(&app, ines, &format!("{ISSUE}/send")).await;
    ines.find(Locator::Css("body")).await.unwrap().send_keys("t").await.unwrap();
    let active = ines.active_element().await.unwrap();
    assert_eq!(active.attr("id").await.unwrap().as_deref(), Some("to"));
    assert_eq!(
        active.prop("value").await.unwrap().as_deref(),
        Some("ines@example.org"),
        "the key types nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_see_what_they_may_not_do_and_are_refused() {
    let app = newsroom().await;
    let browser = Browser::start().await;
    let client = browser.client();
    sign_in(&app, client, "Vera", "viewer").await;
    shows(client, "Tomorrow is ready, and waits for approval.").await;
    let tabs = client.find_all(Locator::Css(".tabs a")).await.unwrap();
    for tab in tabs {
        let text = tab.text().await.unwrap();
        assert!(!["Readers", "People", "System"].contains(&text.as_str()), "{text}");
    }
    goto(&app, client, &format!("{ISSUE}/send")).await;
    shows(client, "You may not approve or send: your roles are viewer.").await;
    goto(&app, client, ISSUE).await;
    assert!(client.find(Locator::Css("button[name=drop]")).await.is_err(), "a viewer has no buttons");
    for path in ["/admin/people", "/admin/system", "/admin/n/daily/readers", "/admin/n/daily/suppressions"] {
        goto(&app, client, path).await;
        shows(client, "You may not do that").await;
    }
    let settings = "/admin/n/daily/settings";
    goto(&app, client, settings).await;
    let title = client.find(Locator::Css("#title")).await.unwrap();
    assert!(!title.is_enabled().await.unwrap(), "the form can't be filled in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_look_follows_the_form_and_nothing_is_saved() {
    let app = newsroom().await;
    let browser = Browser::start().await;
    let client = browser.client();
    sign_in(&app, client, "Ada", "admin").await;
    goto(&app, client, "/admin/n/daily/settings").await;
    let in_frame = async |text: &str| {
        eventually("the frame shows it", || async {
            client.find(Locator::Css("iframe.mail")).await.ok()?.enter_frame().await.ok()?;
            let source = client.source().await;
            client.enter_parent_frame().await.ok()?;
            source.ok()?.contains(text).then_some(())
        })
        .await;
    };
    in_frame("The Lamp").await;
    fill(client, "#title", "The Lantern").await;
    in_frame("The Lantern").await;
    let active = client.active_element().await.unwrap();
    assert_eq!(active.attr("id").await.unwrap().as_deref(), Some("title"), "typing goes on");
    fill(client, "#accent", "reddish").await;
    in_frame("Colour of links and labels").await;
    assert_eq!(app.newsletter().await.newsletter.title, "The Lamp");
    // Without scripts, the button does the same.
    let browser = Browser::without_scripts().await;
    let client = browser.client();
    sign_in(&app, client, "Bea", "admin").await;
    goto(&app, client, "/admin/n/daily/settings").await;
    fill(client, "#title", "The Candle").await;
    client.find(Locator::Css("button[data-look]")).await.unwrap().click().await.unwrap();
    eventually("the frame shows it", || async {
        client.find(Locator::Css("iframe.mail")).await.ok()?.enter_frame().await.ok()?;
        let source = client.source().await;
        client.enter_parent_frame().await.ok()?;
        source.ok()?.contains("The Candle").then_some(())
    })
    .await;
    assert_eq!(app.newsletter().await.newsletter.title, "The Lamp");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_is_approved_and_watched_in_one_go() {
    let app = newsroom().await;
    let browser = Browser::start().await;
    let client = browser.client();
    sign_in(&app, client, "Ada", "editor,sender").await;
    goto(&app, client, &format!("{ISSUE}/send")).await;
    fill(client, "#name", "The Lamp").await;
    browser.press(".decision button.filled").await;
    shows(client, "Tomorrow goes out at 07:00.").await;
    goto(&app, client, "/admin/n/daily/live").await;
    let issue = app.latest_issue().await.id;
    app.clock.set("2026-05-02T07:00:01Z".parse().unwrap());
    sign_in_again(&app, client).await;
    app.run_due_twice().await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    goto(&app, client, "/admin/n/daily/live").await;
    shows(client, "Its one reader has it.").await;
    shows(client, "100 % of 1").await;
    assert_eq!(app.issue(issue).await.approved_revision, app.latest_issue().await.approved_revision);
}

/// Signs Ada in again, whose session has ended overnight.
async fn sign_in_again(app: &TestApp, client: &Client) {
    let operator = app.operator_record("ada@example.org").await.id;
    let token = make_demo_link(&app.app.actions, operator).await.unwrap();
    client.goto(&format!("{}/admin/demo/{token}", app.url)).await.unwrap();
}
