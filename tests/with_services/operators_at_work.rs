//! Operators at work in a real browser: import, search, erase, and an issue that is stopped halfway.

use super::operators::{fill, shows, sign_in};
use crate::support::{
    Engine, TestApp,
    browser::Browser,
    eventually,
    proxy::Proxy,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::domain::issue::status::IssueStatus;
use fantoccini::{Client, Locator};

/// Waits until the page shows a text. Without scripts, the page is loaded again and again, as its link does.
async fn comes_to_show(client: &Client, text: &str, reload: bool) {
    eventually("the page shows the text", || async {
        if reload {
            client.refresh().await.ok()?;
        }
        client.source().await.ok()?.contains(text).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_imported_and_a_reader_is_found_and_erased_without_scripts() {
    let app = TestApp::start(Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("readers.csv");
    let rows = "email,status\nann@example.org,confirmed\nben@example.org,unsubscribed\nnobody,confirmed\n";
    std::fs::write(&list, rows).unwrap();
    let browser = Browser::without_scripts().await;
    let client = browser.client();
    sign_in(&app, client).await;
    client.goto(&format!("{}/admin/n/daily/readers", app.url)).await.unwrap();
    browser.press("a[href$='/import']").await;
    let file = client.find(Locator::Css("#list")).await.unwrap();
    file.send_keys(list.to_str().unwrap()).await.unwrap();
    browser.press("main button.filled").await;
    shows(client, "What do its columns mean?").await;
    browser.press("button[value=try]").await;
    comes_to_show(client, "One reader would be added.", true).await;
    browser.press("button[value=import]").await;
    comes_to_show(client, "One reader was added.", true).await;
    shows(client, "nobody").await;
    fill(client, "#search", "ann@example.org").await;
    browser
        .turn_page(async |client: &Client| {
            client.find(Locator::Css("#search")).await.unwrap().send_keys("\u{e007}").await.unwrap();
        })
        .await;
    shows(client, "Copies, and what the relay said").await;
    client
        .find(Locator::Css("[aria-labelledby=do] details:last-of-type summary"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    fill(client, "#address", "ann@example.org").await;
    browser.press("button.danger[value=erase]").await;
    shows(client, "<b>Erased.</b>").await;
    fill(client, "#address", "ann@example.org").await;
    browser.press("form[role=search][aria-label=Readers] button").await;
    shows(client, "No reader has this address").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_is_paused_halfway_and_resumed() {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(Engine::Sqlite, &[server.port()], |_| {}).await;
    app.readers(6, "example.org").await;
    let issue = app.begin_issue().await;
    app.wait_for_status(issue, IssueStatus::Sending).await;
    let browser = Browser::start().await;
    let client = browser.client();
    sign_in(&app, client).await;
    client.goto(&format!("{}/admin/n/daily/live", app.url)).await.unwrap();
    shows(client, "0 % of 6").await;
    server.pass(2);
    comes_to_show(client, "33 % of 6", false).await;
    browser.press("form[action$='/pause'] button").await;
    shows(client, "<b>Paused.</b>").await;
    // The message that was on its way arrives, and no other.
    server.release();
    comes_to_show(client, "50 % of 6", false).await;
    assert_eq!(server.record().accepted().count(), 3);
    browser.press("form[action$='/resume'] button").await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    comes_to_show(client, "100 % of 6", false).await;
    assert_eq!(server.record().accepted().count(), 6, "nobody gets a second copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_that_it_is_not_live_and_becomes_so_again() {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(Engine::Sqlite, &[server.port()], |_| {}).await;
    app.readers(6, "example.org").await;
    let issue = app.begin_issue().await;
    app.wait_for_status(issue, IssueStatus::Sending).await;
    let proxy = Proxy::start(&app.url).await;
    let browser = Browser::start().await;
    let client = browser.client();
    sign_in(&app, client).await;
    // Cookies are the same for all ports of a host.
    client.goto(&format!("{}/admin/n/daily/live", proxy.url)).await.unwrap();
    shows(client, "0 % of 6").await;
    server.pass(2);
    comes_to_show(client, "33 % of 6", false).await;
    assert!(!client.source().await.unwrap().contains("Not live."));
    proxy.loses_its_server();
    comes_to_show(client, "Not live.", false).await;
    assert!(client.source().await.unwrap().contains("Look again"), "there is something to do");
    server.pass(1);
    proxy.finds_its_server();
    comes_to_show(client, "50 % of 6", false).await;
    eventually("the notice is gone", || async {
        (!client.source().await.ok()?.contains("Not live.")).then_some(())
    })
    .await;
    server.release();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    comes_to_show(client, "100 % of 6", false).await;
}
