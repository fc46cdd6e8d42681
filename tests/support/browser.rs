//! Headless Chromium for one test, driven over WebDriver.
//!
//! Each [`Browser`] has a chromedriver of its own on a free port and a profile of its own in a temp folder. A small
//! `sh` supervisor ends every process of that session and removes the folder as soon as the pipe that the test holds
//! closes: on drop, after a panic and after a `kill -9`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};

/// Names its folder, then lets chromedriver name its port.
const SUPERVISOR: &str = r#"
trap '' HUP INT TERM PIPE
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/daily-browser.XXXXXXXX") || exit 1
echo "$folder"
TMPDIR=$folder setsid chromedriver --port=0 --log-path="$folder/chromedriver.log" </dev/null 2>/dev/null &
session=$!
read -r _ # returns when the test is over or its process has ended
# Twice, for what was being started meanwhile.
pkill -KILL --session "$session"
pkill -KILL --session "$session"
rm -rf "$folder" || rm -rf "$folder"
"#;

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

/// A running browser; dropping it ends the browser and removes its profile.
pub struct Browser {
    client: Client,
    _processes: Processes,
}

struct Processes {
    supervisor: Child,
    folder: PathBuf,
    port: u16,
}

impl Browser {
    /// Starts a browser with an empty profile.
    pub async fn start() -> Self {
        let processes = tokio::task::spawn_blocking(Processes::start)
            .await
            .expect("chromedriver starts (its own panic says why not)");
        let profile = format!("--user-data-dir={}", processes.folder.join("profile").display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let mut capabilities = Map::new();
        capabilities.insert("browserName".to_owned(), Value::from("chrome"));
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
        let connected = ClientBuilder::rustls()
            .expect("the system has root certificates")
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", processes.port))
            .await;
        let client = match connected {
            Ok(client) => client,
            Err(error) => {
                let log = fs::read_to_string(processes.folder.join("chromedriver.log")).unwrap_or_default();
                panic!("Chromium did not start: {error}\n{log}");
            }
        };
        Self { client, _processes: processes }
    }

    /// The WebDriver client: `goto`, `find`, `wait` and so on.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Saves what the window shows as `NAME.png` under cargo's `target/tmp/screenshots` and returns the file's path.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        let file = folder.join(format!("{name}.png"));
        let picture = self.client.screenshot().await.expect("the browser shows a page");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&file, picture))
            .expect("the target folder is writable");
        file
    }
}

impl Processes {
    fn start() -> Self {
        for program in ["chromedriver", "chromium", "setsid", "pkill"] {
            assert!(is_installed(program), "{program} is not installed: run script/bootstrap");
        }
        let mut supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "browser-supervisor"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the shell that starts chromedriver runs");
        let mut said = BufReader::new(supervisor.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("the supervisor's answer is readable");
        // Dropping it ends what has been started.
        let mut processes = Self { supervisor, folder: PathBuf::from(line.trim_end()), port: 0 };
        let mut heard = String::new();
        loop {
            line.clear();
            let length = said.read_line(&mut line).expect("chromedriver's words are readable");
            assert!(length > 0, "chromedriver did not start:\n{heard}");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                processes.port = port.trim().trim_end_matches('.').parse().expect("a port is a number");
                return processes;
            }
            heard.push_str(&line);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        drop(self.supervisor.wait());
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
