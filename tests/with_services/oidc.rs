//! Operators sign in through `oidc-provider`, an independent implementation from npm.

use super::{
    bootstrapped,
    operators::{fill, shows},
};
use crate::support::{
    Engine, TestApp,
    browser::Browser,
    on_both_engines,
    operator::{Desk, Reply},
    supervisor::{ReservedPort, ServerScript, Supervisor, assert_installed},
};
use daily::domain::operator::oidc::{client_secret::ClientSecret, issuer::Issuer};
use jiff::Timestamp;
use std::{path::Path, process::Command};
use url::Url;

/// The file that script/bootstrap installs, beside whose folder the other packages are.
const PACKAGE: &str = "oidc-provider-9.13.3/node_modules/oidc-provider/package.json";
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/with_services/oidc_provider/provider.mjs");
const SCRIPT: ServerScript = ServerScript {
    name: "daily-openid-provider",
    start: r#"node "$1" "$2" "$3" "$4" </dev/null 2>"$folder/log" &
server=$!
wait "$server" 2>/dev/null &"#,
    stop: r#"kill "$server""#,
};

on_both_engines!(operators_sign_in_through_a_provider_from_npm);

/// Starts an app, and the provider with the app's time.
async fn start(engine: Engine) -> (TestApp, ReservedPort, Supervisor) {
    assert_installed(&["node"]);
    let port = ReservedPort::reserve();
    let issuer = format!("http://127.0.0.1:{}", port.number());
    let app = TestApp::start_with(engine, |settings| {
        let oidc = &mut settings.admin.oidc;
        oidc.issuer = Some(Issuer::parse(&issuer).unwrap());
        oidc.client_id = "daily desk".into();
        oidc.client_secret = Some(ClientSecret::Text("a secret with + and %".into()));
    })
    .await;
    let package = bootstrapped(PACKAGE);
    let folder = package.ancestors().nth(3).map(Path::to_path_buf).unwrap();
    let (number, redirect) = (port.number().to_string(), format!("{}/admin/sign-in/oidc/callback", app.url));
    let (provider, milliseconds) = tokio::task::spawn_blocking(move || {
        let arguments = [PROGRAM, folder.to_str().unwrap(), &number, &redirect];
        let mut provider = Supervisor::start(Command::new("sh"), &SCRIPT, &arguments);
        let up = provider.wait_until_up(|line| line.strip_prefix("up at ")?.parse::<i64>().ok());
        (provider, up)
    })
    .await
    .unwrap();
    app.clock.set(Timestamp::from_millisecond(milliseconds).unwrap());
    (app, port, provider)
}

/// Signs somebody in at the provider's page, and agrees to what it asks for. Returns Daily's answer.
async fn signs_in(desk: &Desk<'_>, login: &str) -> Reply {
    let begun = desk.get("/admin/sign-in/oidc").await;
    let mut url = Url::parse(&begun.location.unwrap()).unwrap();
    loop {
        let is_ours = url.path() == "/admin/sign-in/oidc/callback";
        let mut reply = desk.get(url.as_str()).await;
        if is_ours {
            return reply;
        }
        if reply.location.is_none() {
            assert_eq!(reply.page.status, 200, "{}", reply.page);
            let action = url.clone();
            reply = if reply.page.contains("name=\"login\"") {
                let fields = [("prompt", "login"), ("login", login), ("password", "x")];
                desk.posts(action.as_str(), &fields).await
            } else {
                desk.posts(action.as_str(), &[("prompt", "consent")]).await
            };
        }
        url = url.join(&reply.location.unwrap()).unwrap();
    }
}

async fn operators_sign_in_through_a_provider_from_npm(engine: Engine) {
    let (app, _port, _provider) = start(engine).await;
    app.account("ines@example.org", "viewer").await;
    app.account("mallory@example.org", "admin").await;
    let ines = app.desk("ines@example.org");
    let done = signs_in(&ines, "ines").await;
    assert_eq!((done.page.status, done.location.as_deref()), (303, Some("/admin")), "{}", done.page);
    assert!(ines.opens("/admin").await.contains("ines@example.org"));
    let identity = app.operator_record("ines@example.org").await.identity().unwrap();
    assert_eq!(identity.subject, "ines");
    for login in ["nobody", "mallory"] {
        let page = signs_in(&app.desk(""), login).await.page;
        assert_eq!(page.status, 422, "{login} is nobody, or has no verified address: {page}");
    }
    assert!(app.operator_record("mallory@example.org").await.identity().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_leads_there_and_back_in_a_browser_without_scripts() {
    let (app, _port, _provider) = start(Engine::Sqlite).await;
    app.account("ines@example.org", "viewer").await;
    let browser = Browser::without_scripts().await;
    let client = browser.client();
    client.goto(&format!("{}/admin/n/daily/calendar", app.url)).await.unwrap();
    shows(client, "Sign in with 127.0.0.1").await;
    browser.screenshot("sign-in-with-a-provider").await;
    browser.press("a.btn").await;
    fill(client, "[name=login]", "ines").await;
    fill(client, "[name=password]", "x").await;
    browser.press("[type=submit]").await;
    browser.press("[type=submit]").await;
    let url = client.current_url().await.unwrap();
    assert_eq!(url.path(), "/admin/n/daily/calendar", "{url}");
    shows(client, "ines@example.org").await;
}
