//! Headless Chromium for one test, driven over WebDriver.
//!
//! Each [`Browser`] has its own chromedriver on a free port, and its own profile in a temporary folder.
//! Dropping it ends every process of its session and removes the folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::Method;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use super::{
    eventually,
    supervisor::{ServerScript, Supervisor, assert_installed},
};

/// Makes chromedriver choose a free port and print it.
const SCRIPT: ServerScript = ServerScript {
    name: "daily-browser",
    start: r#"TMPDIR=$folder setsid chromedriver --port=0 --log-path="$folder/chromedriver.log" </dev/null 2>&1 &
session=$!"#,
    // Killed twice, because processes may be started meanwhile.
    stop: r#"pkill -KILL --session "$session"
pkill -KILL --session "$session""#,
};

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

/// A width in pixels and a colour scheme in which pages are looked at.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub width: u32,
    pub scheme: &'static str,
}

/// Phone and desktop, light and dark.
pub const VIEWS: [View; 4] = [
    View { width: 390, scheme: "light" },
    View { width: 390, scheme: "dark" },
    View { width: 1280, scheme: "light" },
    View { width: 1280, scheme: "dark" },
];

/// A command of the DevTools protocol, sent through chromedriver.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

/// A running browser. Dropping it ends the browser and removes its profile.
pub struct Browser {
    client: Client,
    _chromedriver: Supervisor,
}

impl Browser {
    /// Starts a browser with an empty profile.
    pub async fn start() -> Self {
        Self::start_with(&[], &Value::Null, true).await
    }

    /// Starts a browser that runs no scripts.
    pub async fn without_scripts() -> Self {
        Self::start_with(&[], &Value::Null, false).await
    }

    /// Starts a browser like a phone's, 390 pixels wide, that prefers dark pages.
    pub async fn dark_phone() -> Self {
        Self::start_with(&["--blink-settings=preferredColorScheme=0"], &a_phone(), true).await
    }

    /// Starts a browser like a phone's that prefers light pages.
    pub async fn phone() -> Self {
        Self::start_with(&["--blink-settings=preferredColorScheme=1"], &a_phone(), true).await
    }

    async fn start_with(more: &[&str], phone: &Value, scripts: bool) -> Self {
        let (chromedriver, port) = tokio::task::spawn_blocking(start_chromedriver)
            .await
            .expect("chromedriver starts (its own panic says why not)");
        let profile = format!("--user-data-dir={}", chromedriver.folder().join("profile").display());
        let arguments: Vec<&str> =
            ARGUMENTS.into_iter().chain([profile.as_str()]).chain(more.iter().copied()).collect();
        let mut options = json!({ "args": arguments });
        if !phone.is_null() {
            options["mobileEmulation"] = phone.clone();
        }
        if !scripts {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let mut capabilities = Map::new();
        capabilities.insert("browserName".to_owned(), Value::from("chrome"));
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let connected = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        let client = match connected {
            Ok(client) => client,
            Err(error) => {
                let log =
                    fs::read_to_string(chromedriver.folder().join("chromedriver.log")).unwrap_or_default();
                panic!("Chromium did not start: {error}\n{log}");
            }
        };
        Self { client, _chromedriver: chromedriver }
    }

    /// Returns the WebDriver client, with `goto`, `find`, `wait` and so on.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs an action that leads to another page, and waits until that page is loaded.
    pub async fn turn_page(&self, action: impl AsyncFnOnce(&Client)) {
        let old = self.client.find(Locator::Css("html")).await.expect("the browser shows a page");
        action(&self.client).await;
        eventually("the next page is there", || async {
            let is_gone = old.tag_name().await.is_err();
            let ready = self.client.execute("return document.readyState", vec![]).await.ok()?;
            (is_gone && ready == "complete").then_some(())
        })
        .await;
    }

    /// Clicks an element, given by a CSS selector, that leads to another page.
    pub async fn press(&self, button: &str) {
        self.turn_page(async |client: &Client| {
            let button = client.find(Locator::Css(button)).await.expect("the button");
            button.click().await.expect("it is clickable");
        })
        .await;
    }

    async fn devtools(&self, command: &'static str, parameters: Value) {
        self.client.issue_cmd(DevTools { command, parameters }).await.expect("chromedriver understands it");
    }

    /// Shows the page in a window of this width and height, and in this colour scheme.
    async fn resize(&self, view: View, height: u64) {
        let feature = json!({ "name": "prefers-color-scheme", "value": view.scheme });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
        let metrics =
            json!({ "width": view.width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Shows the page as on another screen, until the next call.
    pub async fn look_as(&self, view: View) {
        self.resize(view, 900).await;
    }

    /// Saves a screenshot of the whole page.
    pub async fn whole_page(&self, name: &str, view: View) -> PathBuf {
        let bottom = "return Math.ceil(document.body.getBoundingClientRect().bottom + scrollY)";
        let height = self.client.execute(bottom, vec![]).await.expect("the page has a height");
        self.resize(view, height.as_u64().expect("pixels").clamp(1, 8_000)).await;
        let file = self.screenshot(&format!("{name}.{}.{}", view.width, view.scheme)).await;
        self.look_as(view).await;
        file
    }

    /// Saves a screenshot as `NAME.png` in cargo's `target/tmp/screenshots`, and returns the file's path.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        let file = folder.join(format!("{name}.png"));
        let picture = self.client.screenshot().await.expect("the browser shows a page");
        fs::create_dir_all(file.parent().unwrap_or(&folder))
            .and_then(|()| fs::write(&file, picture))
            .expect("the target folder is writable");
        file
    }
}

fn a_phone() -> Value {
    json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2, "touch": true } })
}

fn start_chromedriver() -> (Supervisor, u16) {
    assert_installed(&["chromedriver", "chromium", "setsid", "pkill"]);
    let mut chromedriver = Supervisor::start(Command::new("sh"), &SCRIPT, &[]);
    let port = chromedriver.wait_until_up(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    (chromedriver, port)
}
