//! The pages in a real browser.

use crate::support::{app::TestApp, browser::Browser};
use daily::{db::Engine, domain::subscription::SubscriptionStatus};
use fantoccini::Locator;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_signs_up_confirms_and_leaves_with_the_keyboard_and_a_click() {
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
    page.goto(&app.confirmation_link("ann@example.org")).await.unwrap();
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Pending));
    browser.screenshot("confirm").await;
    page.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
    page.wait().for_element(Locator::XPath("//h1[text()='You are in']")).await.unwrap();
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Active));

    app.send_issue().await;
    page.goto(&format!("{}/mailbox", app.url)).await.unwrap();
    browser.screenshot("mailbox").await;
    page.find(Locator::LinkText("The bridge opens")).await.unwrap().click().await.unwrap();
    let frame = page.wait().for_element(Locator::Css("iframe.mail")).await.unwrap();
    frame.enter_frame().await.unwrap();
    page.wait().for_element(Locator::XPath("//a[contains(., 'bridge')]")).await.unwrap();
    page.enter_parent_frame().await.unwrap();
    browser.screenshot("mail").await;

    let link = app.mails_to("ann@example.org").last().unwrap().link("/unsubscribe/");
    page.goto(&link).await.unwrap();
    page.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
    page.wait().for_element(Locator::XPath("//h1[text()='You have left']")).await.unwrap();
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Unsubscribed));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_a_phone_and_their_style_is_allowed_by_their_policy() {
    let app = TestApp::start(Engine::Sqlite).await;
    let browser = Browser::start().await;
    let page = browser.client();
    page.set_window_size(500, 900).await.unwrap();
    for path in ["/", "/issues", "/confirm/x", "/mailbox"] {
        page.goto(&format!("{}{path}", app.url)).await.unwrap();
        let script = "return [document.documentElement.scrollWidth <= window.innerWidth, \
                      getComputedStyle(document.querySelector('.card')).backgroundColor !== 'rgba(0, 0, 0, 0)']";
        let fits = page.execute(script, vec![]).await.unwrap();
        assert_eq!(fits, serde_json::json!([true, true]), "{path}");
    }
}
