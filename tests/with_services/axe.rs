//! Every page a reader may see, looked at by axe-core for barriers: what screen readers, the keyboard and weak eyes meet.

use super::bootstrapped;
use crate::support::{Engine, app::TestApp, browser::Browser};
use daily::{
    db::subscribers,
    domain::{newsletter::SelectionKind, subscriber::email_address::EmailAddress, token::Purpose},
};
use serde_json::Value;

const AXE: &str = "axe-core-4.14.1/node_modules/axe-core/axe.min.js";

/// Runs all rules, those of good practice included, and returns what is wrong: rule, place, reason.
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
    let weekly = app.add_newsletter("weekly", |it| {
        it.title = "The Weekly".into();
        it.selection = SelectionKind::RoundUp;
    });
    weekly.await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let confirm = app.confirmation_link("ann@example.org");
    app.reader("ben@example.org").await;
    app.send_issue().await;
    let mail = app.mails_to("ben@example.org").pop().unwrap();
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
        confirm,
        mail.link("/preferences/"),
        mail.link("/unsubscribe/"),
        path("/embed?lang=de"),
        path("/?lang=fr"),
    ];
    // A reader's own page with all there is on it, and the links it sends.
    app.post_form(&own_path(&before[9]), &[("do", "pause"), ("until", "2026-06-01")]).await;
    app.post_form(&own_path(&before[9]), &[("join", "weekly")]).await;
    app.post_form(&own_path(&before[9]), &[("do", "address"), ("address", "ben@example.net")]).await;
    app.post_form(&own_path(&before[9]), &[("do", "data_export")]).await;
    app.settle().await;
    let mut before = Vec::from(before);
    for (to, link) in [
        ("ben@example.org", "/data-export/"),
        ("ben@example.org", "/address/"),
        ("ben@example.net", "/address/"),
    ] {
        let mails = app.mails_to(to);
        before.push(mails.iter().rev().find(|mail| mail.text().contains(link)).unwrap().link(link));
    }
    let browsers = [Browser::start().await, Browser::dark_phone().await];
    let axe = std::fs::read_to_string(bootstrapped(AXE)).unwrap();
    let mut barriers = Vec::new();
    for browser in &browsers {
        for page in &before {
            browser.client().goto(page).await.unwrap();
            look(browser, &axe, page, &mut barriers).await;
        }
    }
    // What follows a click.
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
        let old = client.find(fantoccini::Locator::Css("html")).await.unwrap();
        client.execute(script, vec![entered.into()]).await.unwrap();
        crate::support::eventually("the next page is there", || async {
            let gone = old.tag_name().await.is_err();
            let ready = client.execute("return document.readyState", vec![]).await.ok()?;
            (gone && ready == "complete").then_some(())
        })
        .await;
        look(&browsers[0], &axe, name, &mut barriers).await;
    }
    assert!(barriers.is_empty(), "{} barriers:\n{}", barriers.len(), barriers.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_that_guards_the_door_has_a_barrier() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.signup.minimum_time = jiff::SignedDuration::from_secs(5);
    })
    .await;
    let mark = app.form_mark().await;
    let post = async |fields: &[(&str, &str)]| {
        let answer = app.post_form("/subscribe", fields).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let too_soon = post(&[("email", "ann@example.org"), ("started", &mark)]).await;
    assert!(too_soon.1.contains("One moment"), "{}", too_soon.1);
    app.clock.advance(jiff::SignedDuration::from_secs(6));
    let meant = post(&[("email", "ann@gmial.com"), ("started", &mark)]).await;
    assert!(meant.1.contains("gmail.com"), "{}", meant.1);
    let wrong = post(&[("email", "ann@localhost"), ("started", &mark)]).await;
    assert_eq!(wrong.0, 422);
    app.reader_at_once("ben@example.org").await;
    let own = own_page_of_a_reader_who_left(&app).await;
    let axe = std::fs::read_to_string(bootstrapped(AXE)).unwrap();
    let mut barriers = Vec::new();
    for browser in [Browser::start().await, Browser::dark_phone().await] {
        for (name, page) in [
            ("too soon", &too_soon.1),
            ("did you mean", &meant.1),
            ("what is wrong", &wrong.1),
            ("own page after leaving", &own),
        ] {
            browser.client().goto(&app.url).await.unwrap();
            // Put in like this its scripts do not run: the page stays.
            let put = "document.documentElement.innerHTML = arguments[0];";
            browser.client().execute(put, vec![page.as_str().into()]).await.unwrap();
            look(&browser, &axe, name, &mut barriers).await;
        }
    }
    assert!(barriers.is_empty(), "{} barriers:\n{}", barriers.len(), barriers.join("\n"));
}

async fn own_page_of_a_reader_who_left(app: &TestApp) -> String {
    let address = EmailAddress::parse("ben@example.org").unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    let id = subscribers::of_address(&mut tx, &address).await.unwrap()[0].id;
    drop(tx);
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, id.0);
    assert_eq!(app.post(&format!("{}/unsubscribe/{token}", app.url)).await.status(), 200);
    let page = app.get(&format!("{}/preferences/{token}", app.url)).await.text().await.unwrap();
    assert!(page.contains("You are not subscribed"), "{page}");
    page
}

/// The path of a link to a page of ours.
fn own_path(link: &str) -> String {
    format!("/preferences/{}", link.rsplit('/').next().unwrap_or_default())
}

async fn look(browser: &Browser, axe: &str, page: &str, barriers: &mut Vec<String>) {
    browser.client().execute(axe, vec![]).await.unwrap();
    let found = browser.client().execute_async(RUN, vec![]).await.unwrap();
    let Value::Array(found) = found else { panic!("axe says {found}") };
    barriers.extend(found.iter().map(|it| format!("{page}: {}", it.as_str().unwrap_or_default())));
}
