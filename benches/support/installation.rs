//! A realistic installation: the release build, a database, a newsletter, readers and stories.

use crate::support::{
    command::{Environment, Running},
    engine_settings::{CONNECTIONS, DKIM_DOMAIN, DKIM_KEY_FILE, DKIM_SELECTOR},
    eventually_within,
    postgres_cluster::Cluster,
    store::Store,
    supervisor::ReservedPort,
};
use clap::ValueEnum;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::path::{Path, PathBuf};

const DOMAIN: &str = "newsletter.example";
const SELECTOR: &str = "bench";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dkim {
    None,
    Ed25519,
    Rsa,
}

/// Configuration of an installation.
pub struct Plan<'a> {
    pub engine: Engine,
    pub dkim: Dkim,
    pub readers: u64,
    pub stories: u32,
    pub connections: u64,
    /// The relay's port on 127.0.0.1.
    pub relay: u16,
    pub cluster: Option<&'a Cluster>,
}

/// An installation that is ready to start.
pub struct Installation {
    pub environment: Environment,
    pub store: Store,
    pub url: String,
    log: PathBuf,
    folder: tempfile::TempDir,
    _port: ReservedPort,
}

impl Installation {
    /// Creates the installation, or explains why it can't.
    pub async fn create(plan: &Plan<'_>) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("daily-bench-").tempdir().expect("a temporary folder");
        let database = match plan.engine {
            Engine::Sqlite => format!("sqlite://{}", folder.path().join("daily.db").display()),
            Engine::Postgres => new_database(plan.cluster.expect("a server for PostgreSQL")).await,
        };
        let port = ReservedPort::reserve();
        let address = format!("127.0.0.1:{}", port.number());
        let mut environment = Environment::in_folder(folder.path(), Some(&database))
            .set("DAILY__HTTP__LISTEN", &address)
            // Makes links as long as real ones.
            .set("DAILY__HTTP__PUBLIC_URL", "https://news.newsletter.example")
            .set("DAILY__RELAYS__0__URL", &format!("smtp://127.0.0.1:{}", plan.relay))
            .set(CONNECTIONS, &plan.connections.to_string())
            .set("DAILY__DIGEST__MAX_STORIES", &plan.stories.to_string());
        run(&environment, &["migrate"]).await?;
        run(
            &environment,
            &[
                "newsletter",
                "set",
                "daily",
                "--sender-name",
                "The Daily Example",
                "--sender-address",
                &format!("news@{DOMAIN}"),
                "--postal-address",
                "Example Media, 1 High Street, Springfield",
            ],
        )
        .await?;
        for (page, url) in stories(plan.stories) {
            let file = folder.path().join("page.html");
            std::fs::write(&file, page).expect("the folder is writable");
            let file = file.to_str().expect("a name in UTF-8");
            run(&environment, &["article", "add", file, "--url", &url]).await?;
        }
        if plan.dkim != Dkim::None {
            let key = folder.path().join("dkim.pem");
            let file = key.to_str().expect("a name in UTF-8");
            let algorithm = if plan.dkim == Dkim::Rsa { "rsa" } else { "ed25519" };
            run(
                &environment,
                &[
                    "dkim",
                    "new",
                    "--domain",
                    DOMAIN,
                    "--selector",
                    SELECTOR,
                    "--algorithm",
                    algorithm,
                    "--out",
                    file,
                ],
            )
            .await?;
            environment =
                environment.set(DKIM_DOMAIN, DOMAIN).set(DKIM_SELECTOR, SELECTOR).set(DKIM_KEY_FILE, file);
        }
        let store = Store::open(&database).await;
        store.add_readers(plan.readers).await;
        let log = folder.path().join("daily.log");
        let url = format!("http://{address}");
        Ok(Self { environment, store, url, log, folder, _port: port })
    }

    /// Returns the host and port of the service.
    #[allow(dead_code, reason = "the benchmark of readers asks for it")]
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Starts `daily serve` and waits until it is ready.
    pub async fn serve(&self) -> Running {
        let running = self.environment.start_logging(&["serve"], &self.log);
        let client = client();
        eventually_within(60, "the service is ready", || async {
            let answer = client.get(format!("{}/readyz", self.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        running
    }

    /// Starts a process of another role.
    pub fn serve_as(&self, role: &str, environment: &Environment) -> Running {
        environment.start_logging(&["serve", "--role", role], &self.log)
    }

    /// Returns the sizes of the SQLite files in bytes.
    pub fn sqlite_bytes(&self) -> (u64, u64) {
        let length = |name: &str| self.folder.path().join(name).metadata().map_or(0, |it| it.len());
        (length("daily.db"), length("daily.db-wal"))
    }

    /// Waits until the issue is sent. On timeout, prints the log of the service.
    pub async fn sent(&self, within_seconds: u64) {
        let sent = eventually_within(within_seconds, "the issue is sent", || async {
            (self.store.issue_status().await == "sent").then_some(())
        });
        sent.await;
    }

    /// Panics unless every reader got a copy.
    pub async fn assert_all_sent(&self, readers: u64) {
        let expected = vec![("sent".to_owned(), i64::try_from(readers).expect("a number of readers"))];
        assert_eq!(self.store.deliveries().await, expected, "{}", tail(&self.log));
    }

    /// Closes the database. Its files are deleted with the folder.
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// Creates an HTTP client for this machine.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

async fn run(environment: &Environment, arguments: &[&str]) -> Result<(), String> {
    let ended = environment.run(arguments).await;
    if ended.code == 0 {
        return Ok(());
    }
    let said = ended.stderr.lines().next().unwrap_or_default().to_owned();
    Err(format!("daily {}: {said}", arguments[..2.min(arguments.len())].join(" ")))
}

pub async fn new_database(cluster: &Cluster) -> String {
    let name = format!("bench_{}", daily::random::hex::<6>());
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await.expect("the server answers");
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a new database");
    connection.close().await.expect("a connection to close");
    cluster.url(&name)
}

/// Returns the paths and pages of stories with everything that a digest shows.
fn stories(count: u32) -> impl Iterator<Item = (String, String)> {
    const TITLES: [&str; 5] = [
        "The old lighthouse on the northern pier is to shine again before the winter storms",
        "A bakery at dawn: how four people feed a whole quarter before the first tram",
        "What the river took and what it left behind: a walk along the new dyke",
        "Night trains are back, and with them a way of travelling that many had given up",
        "The library that lends tools, seeds and, on Saturdays, an hour of somebody's time",
    ];
    const DEK: &str = "For years nobody would pay for it; now a handful of neighbours have found the money, the parts and \
        a keeper who knows the lamp from childhood. A visit on the first evening on which the light went round, and what \
        the ships' captains say to that.";
    (1..=count).map(|number| {
        let title = TITLES[number as usize % TITLES.len()];
        let slug = format!("https://www.newsletter.example/2026/11/{number}-the-story-of-the-day-in-full-length");
        let page = format!(
            "<html><head><title>{title} ({number})</title>\
             <meta property=\"og:title\" content=\"{title} ({number})\">\
             <meta property=\"og:description\" content=\"{DEK}\">\
             <meta property=\"og:image\" content=\"https://images.newsletter.example/2026/11/picture-{number}-1200x630.jpg\">\
             <meta property=\"og:site_name\" content=\"The Daily Example\">\
             <meta property=\"article:section\" content=\"City and harbour\">\
             <meta name=\"author\" content=\"Ada Quill\"></head><body><article><p>{DEK}</p></article></body></html>"
        );
        (page, slug)
    })
}
