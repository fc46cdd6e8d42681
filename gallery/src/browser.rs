//! Headless Chromium, driven over WebDriver.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::{Error, Theme};

/// Questions to a document whether it is ready, each of which takes milliseconds.
const READY_TRIES: u32 = 2000;

/// A running browser.
pub struct Browser {
    client: Client,
    chromedriver: Child,
}

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

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

impl Browser {
    /// Starts a browser. Returns `None` if chromedriver is not installed.
    pub async fn start() -> Result<Option<Self>, Error> {
        let child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut chromedriver = match child {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("chromedriver does not start: {error}").into()),
        };
        let output = BufReader::new(chromedriver.stdout.take().ok_or("chromedriver has no output")?);
        let port = output.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.ok_or("chromedriver did not name its port")?;
        let options = json!({ "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--allow-file-access-from-files", "--force-color-profile=srgb", "--disable-lcd-text",
        ] });
        let capabilities = serde_json::Map::from_iter([
            ("browserName".to_owned(), Value::from("chrome")),
            ("goog:chromeOptions".to_owned(), options),
        ]);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        match client {
            Ok(client) => Ok(Some(Self { client, chromedriver })),
            Err(error) => {
                chromedriver.kill()?;
                Err(format!("Chromium does not start: {error}").into())
            }
        }
    }

    /// Opens a file in a theme, with a window of this width, and waits while it is marked `data-ready="no"`.
    pub async fn open(&self, file: &Path, width: u32, theme: Theme) -> Result<(), Error> {
        let scheme = if theme == Theme::Dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await?;
        let inverted = json!({ "enabled": theme == Theme::Inverted });
        self.devtools("Emulation.setAutoDarkModeOverride", inverted).await?;
        self.resize(width, 800).await?;
        let file = file.canonicalize()?;
        self.client.goto(&format!("file://{}", file.display())).await?;
        // A document that a script brings into its state says when it is there.
        for _ in 0..READY_TRIES {
            if self.run("return document.documentElement.dataset.ready !== 'no'").await? == true {
                return Ok(());
            }
        }
        Err(format!("{} does not get ready", file.display()).into())
    }

    /// Runs a script and returns its value.
    pub async fn run(&self, script: &str) -> Result<Value, Error> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Returns a picture (PNG) of the whole page.
    pub async fn screenshot(&self, width: u32) -> Result<Vec<u8>, Error> {
        // The lowest edge of the content: the document itself is at least as high as the window.
        let height = self.run("return Math.ceil(document.body.getBoundingClientRect().bottom)").await?;
        let height = u32::try_from(height.as_u64().ok_or("the page has no height")?)?.max(1);
        self.resize(width, height).await?;
        Ok(self.client.screenshot().await?)
    }

    async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await
    }

    async fn devtools(&self, command: &'static str, parameters: Value) -> Result<(), Error> {
        self.client.issue_cmd(DevTools { command, parameters }).await?;
        Ok(())
    }

    /// Ends the browser.
    pub async fn close(mut self) -> Result<(), Error> {
        let closed = self.client.clone().close().await;
        self.chromedriver.kill()?;
        self.chromedriver.wait()?;
        Ok(closed?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It is gone already after `close`.
        let _ = self.chromedriver.kill();
    }
}
