//! The pages in a real browser.

use crate::support::{Engine, TestApp, browser::Browser};
use daily::domain::subscriber::subscription::SubscriptionStatus;
use fantoccini::Locator;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_signs_up_confirms_and_unsubscribes_with_the_keyboard_and_a_click() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.article("The bridge opens").await;
    let browser = Browser::start().await;
    let page = browser.client();

    page.goto(&app.url).await.unwrap();
    browser.screenshot("signup").await;
    let field = page.find(Locator::Css("input[type=email]")).await.unwrap();
    field.send_keys("ann@example.org").await.unwrap();
    field.send_keys("\u{e007}").await.unwrap(); // Enter
    page.wait().for_element(Locator::XPath("//h1[text()='Check your inbox']")).await.unwrap();
    browser.screenshot("check-your-inbox").await;

    app.settle().await;
    // In the same browser the link confirms at once, elsewhere it shows a button.
    page.goto(&app.confirmation_link("ann@example.org")).await.unwrap();
    page.wait().for_element(Locator::XPath("//h1[text()=\"You’re in\"]")).await.unwrap();
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Active));
    let bob = app.visitor("bob@example.org");
    bob.signs_up().await;
    page.goto(&bob.confirmation_link()).await.unwrap();
    assert_eq!(app.status_of("bob@example.org").await, Some(SubscriptionStatus::Pending));
    browser.screenshot("confirm").await;
    page.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
    page.wait().for_element(Locator::XPath("//h1[text()=\"You’re in\"]")).await.unwrap();
    assert_eq!(app.status_of("bob@example.org").await, Some(SubscriptionStatus::Active));

    app.send_issue().await;
    page.goto(&format!("{}{}", app.url, app.app.mailbox_path)).await.unwrap();
    browser.screenshot("mailbox").await;
    page.find(Locator::LinkText("The bridge opens")).await.unwrap().click().await.unwrap();
    let frame = page.wait().for_element(Locator::Css("iframe.mail")).await.unwrap();
    frame.enter_frame().await.unwrap();
    page.wait().for_element(Locator::XPath("//a[contains(., 'bridge')]")).await.unwrap();
    page.enter_parent_frame().await.unwrap();
    browser.screenshot("mail").await;

    let link = app.emails_to("ann@example.org").last().unwrap().link("/unsubscribe/");
    page.goto(&link).await.unwrap();
    page.find(Locator::Css("form.unsubscribe button")).await.unwrap().click().await.unwrap();
    page.wait().for_element(Locator::XPath("//h1[text()=\"You’ve unsubscribed\"]")).await.unwrap();
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Unsubscribed));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_emails_fit_a_phone_and_turn_dark() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.article(
        "A headline with an uncommonly long word: Donaudampfschifffahrtsgesellschaftskapitänsmützenband",
    )
    .await;
    app.reader("ann@example.org").await;
    app.send_issue().await;
    let browser = Browser::dark_phone().await;
    let page = browser.client();
    page.goto(&format!("{}{}", app.url, app.app.mailbox_path)).await.unwrap();
    let mail = page.find(Locator::Css("table a")).await.unwrap().attr("href").await.unwrap().unwrap();
    let issue = "/issues/2026-05-01".to_owned();
    for path in [
        "/".into(),
        "/issues".into(),
        "/confirm/x".into(),
        app.app.mailbox_path.to_string(),
        issue,
        format!("{mail}/html"),
    ] {
        page.goto(&format!("{}{path}", app.url)).await.unwrap();
        let script = "const dark = colour => colour.match(/\\d+/g).slice(0, 3).every(part => part < 60); \
                      return [window.innerWidth, document.documentElement.scrollWidth <= window.innerWidth, \
                              dark(getComputedStyle(document.body).backgroundColor)]";
        let seen = page.execute(script, vec![]).await.unwrap();
        assert_eq!(seen, serde_json::json!([390, true, true]), "{path}");
    }
    browser.screenshot("mail-on-a-dark-phone").await;
}

#[tokio::test]
async fn a_page_is_shown_clicked_and_photographed() {
    let browser = Browser::start().await;
    let page = "data:text/html;charset=utf-8,<h1 id=t>Good morning</h1>\
                <button onclick=\"t.textContent='clicked'\">Go</button>";
    let client = browser.client();
    client.goto(page).await.expect("the page loads");
    client.find(Locator::Css("button")).await.expect("a button").click().await.expect("it is clickable");
    let heading = client.find(Locator::Id("t")).await.expect("a heading");
    assert_eq!(heading.text().await.expect("it has a text"), "clicked");
    let file = browser.screenshot("self_test").await;
    assert!(std::fs::read(file).expect("the picture is saved").starts_with(b"\x89PNG"));
}
