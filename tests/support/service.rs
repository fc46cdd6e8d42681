//! The program as a service: `daily serve` in its own process.

use super::{
    Engine,
    command::{Environment, Running},
    eventually, mailbox,
    postgres::TestDatabase,
};
use daily::db::DatabaseUrl;
use std::path::Path;
use tempfile::TempDir;

const FEED: &str = "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>The Lamp</title>\
    <link>https://lamp.example/</link><description>News</description><item><title>Harbour lights return</title>\
    <link>https://lamp.example/lights</link></item></channel></rss>";

/// Writes a feed with one article, and returns its file.
pub fn write_feed(folder: &Path) -> String {
    let file = folder.join("feed.xml");
    std::fs::write(&file, FEED).expect("the folder is writable");
    file.display().to_string()
}

/// The program with its own database and data folder.
pub struct Installation {
    pub daily: Environment,
    folder: TempDir,
    database: Option<TestDatabase>,
}

impl Installation {
    pub async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = engine.database().await;
        let daily = Environment::in_folder(folder.path(), database.as_ref().map(TestDatabase::url));
        Self { daily, folder, database }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the database as in the program's settings.
    pub fn database(&self) -> DatabaseUrl {
        match &self.database {
            Some(database) => DatabaseUrl::Postgres(database.url().to_owned()),
            None => DatabaseUrl::Sqlite(self.folder().join("daily.db")),
        }
    }
}

/// Starts `daily serve` on a free port, and returns its URL once it is ready.
pub async fn serve(environment: Environment) -> (Running, Environment, String) {
    let (environment, url) = environment.listening();
    let running = environment.start(&["serve"]);
    ready(&url).await;
    (running, environment, url)
}

/// Waits until the service is ready.
pub async fn ready(url: &str) {
    let client = client();
    eventually("the service is ready", || async {
        let answer = client.get(format!("{url}/readyz")).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
}

/// Signs up with a service and confirms.
pub async fn reader(url: &str, folder: &Path, address: &str) {
    let client = client();
    let body = format!("{{\"email\":\"{address}\"}}");
    let post = client.post(format!("{url}/subscribe")).header("content-type", "application/json").body(body);
    assert_eq!(post.send().await.expect("an answer").status(), 202);
    let mailbox = folder.join("mailbox");
    let link = eventually("the email to confirm arrives", || async {
        mailbox::read(&mailbox)
            .into_iter()
            .find(|mail| mail.to() == address)
            .map(|mail| mail.link("/confirm/"))
    })
    .await;
    assert_eq!(client.post(link).send().await.expect("an answer").status(), 200);
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}
