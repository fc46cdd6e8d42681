//! axe-core finds no accessibility barriers on readers' pages.

use super::bootstrapped;
use crate::support::{Engine, TestApp, browser::Browser};
use daily::domain::newsletter::SelectionKind;
use fantoccini::Client;
use jiff::SignedDuration;
use serde_json::Value;

pub const AXE: &str = "axe-core-4.14.1/node_modules/axe-core/axe.min.js";

/// Runs all rules, including best practices, and returns the violations: rule, place, reason.
const RUN: &str = r#"
const done = arguments[0];
axe.run(document, { resultTypes: ["violations"] }).then(
  found => done(found.violations.flatMap(it => it.nodes.map(node => [it.id, node.html.slice(0, 200), node.failureSummary].join(" | ")))),
  error => done([String(error)]));
"#;

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_readers_has_a_barrier() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| settings.signup.welcome_mail = true).await;
    app.article("The bridge opens").await;
    app.story("The whale", "Science").await;
    app.add_newsletter("weekly", |it| {
        it.title = "The Weekly".into();
        it.selection = SelectionKind::RoundUp;
    })
    .await;
    let ann = app.visitor("ann@example.org");
    ann.signs_up().await;
    let ben = app.reader("ben@example.org").await;
    app.send_issue().await;
    let mail = ben.last_email();
    let path = |path: &str| format!("{}{path}", app.url);
    let before = [
        path("/"),
        path("/?newsletter=weekly"),
        path("/nowhere"),
        path("/confirm/x"),
        path("/issues"),
        path("/issues?newsletter=daily"),
        path("/issues?newsletter=weekly"),
        path("/issues/2026-05-01?newsletter=daily"),
        ann.confirmation_link(),
        mail.link("/preferences/"),
        mail.link("/unsubscribe/"),
        path("/embed?lang=de"),
        path("/?lang=fr"),
    ];
    // The preferences page with all its elements, and the links it sends.
    ben.pauses_until("2026-06-01").await;
    ben.joins("weekly").await;
    ben.chooses(&[("do", "address"), ("address", "ben@example.net")]).await;
    ben.chooses(&[("do", "data_export")]).await;
    app.settle().await;
    let mut before = Vec::from(before);
    for (to, link) in [
        ("ben@example.org", "/data-export/"),
        ("ben@example.org", "/address/"),
        ("ben@example.net", "/address/"),
    ] {
        let mails = app.emails_to(to);
        before.push(mails.iter().rev().find(|mail| mail.text().contains(link)).unwrap().link(link));
    }
    let browsers = [Browser::start().await, Browser::dark_phone().await];
    let axe = std::fs::read_to_string(bootstrapped(AXE)).unwrap();
    let mut barriers = Vec::new();
    for browser in &browsers {
        for page in &before {
            browser.client().goto(page).await.unwrap();
            check_page(browser, &axe, page, &mut barriers).await;
        }
    }
    // Pages after a click.
    let steps = [
        (path("/"), "ben@localhost", "422"),
        (path("/"), "eve@example.org", "signed up"),
        (before[9].clone(), "", "preferences saved"),
        (before[15].clone(), "", "one end of two"),
        (before[14].clone(), "", "address changed"),
        (before[8].clone(), "", "confirmed"),
        (before[10].clone(), "", "left"),
    ];
    let client = browsers[0].client();
    for (page, entered, name) in steps {
        client.goto(&page).await.unwrap();
        let script = "const [entered] = arguments; \
                      if (entered) document.querySelector('input[type=email]').value = entered; \
                      const form = document.querySelector('form[method=post]'); form.noValidate = true; form.requestSubmit();";
        let submit = async |client: &Client| {
            client.execute(script, vec![entered.into()]).await.unwrap();
        };
        browsers[0].turn_page(submit).await;
        check_page(&browsers[0], &axe, name, &mut barriers).await;
    }
    assert!(barriers.is_empty(), "{} barriers:\n{}", barriers.len(), barriers.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_signup_protection_has_a_barrier() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.signup.minimum_seconds = 5;
    })
    .await;
    let token = app.form_token().await;
    let post = async |fields: &[(&str, &str)]| app.submit("/subscribe", fields).await;
    let too_soon = post(&[("email", "ann@example.org"), ("started", &token)]).await;
    assert!(too_soon.contains("One moment"), "{}", too_soon);
    app.clock.advance(SignedDuration::from_secs(6));
    let meant = post(&[("email", "ann@gmial.com"), ("started", &token)]).await;
    assert!(meant.contains("gmail.com"), "{}", meant);
    let wrong = post(&[("email", "ann@localhost"), ("started", &token)]).await;
    assert_eq!(wrong.status, 422);
    let ben = app.reader_at_once("ben@example.org").await;
    ben.unsubscribes().await;
    let own = ben.opens_preferences().await;
    assert!(own.contains("You’re not subscribed"), "{own}");
    let axe = std::fs::read_to_string(bootstrapped(AXE)).unwrap();
    let mut barriers = Vec::new();
    for browser in [Browser::start().await, Browser::dark_phone().await] {
        for (name, page) in [
            ("too soon", &too_soon),
            ("did you mean", &meant),
            ("an invalid address", &wrong),
            ("preferences after unsubscribing", &own),
        ] {
            browser.client().goto(&app.url).await.unwrap();
            // Scripts inserted this way do not run, so the page stays unchanged.
            let put = "document.documentElement.innerHTML = arguments[0];";
            browser.client().execute(put, vec![(**page).into()]).await.unwrap();
            check_page(&browser, &axe, name, &mut barriers).await;
        }
    }
    assert!(barriers.is_empty(), "{} barriers:\n{}", barriers.len(), barriers.join("\n"));
}

pub async fn check_page(browser: &Browser, axe: &str, page: &str, barriers: &mut Vec<String>) {
    browser.client().execute(axe, vec![]).await.unwrap();
    let found = browser.client().execute_async(RUN, vec![]).await.unwrap();
    let Value::Array(found) = found else { panic!("axe says {found}") };
    barriers.extend(found.iter().map(|it| format!("{page}: {}", it.as_str().unwrap_or_default())));
}
