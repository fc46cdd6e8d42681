//! An installation inside this process, with a database, a fixed clock, and a server for the pages of
//! stories.

use crate::support::{postgres_cluster::Cluster, store::Store};
use axum::{Router, extract::Path, response::Html, routing::get};
use daily::{
    app::App,
    clock::Clock,
    db::{
        DatabaseUrl, issues,
        newsletters::{self, NewsletterRecord},
    },
    domain::{
        delivery::relay::RelayUrl,
        ids::IssueId,
        issue::{schedule::Due, status::IssueStatus},
    },
    settings::{Relay, Settings},
};
use jiff::{Timestamp, civil::Date};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// Start of the benchmark: a Monday at noon.
const BEGIN: &str = "2026-05-04T12:00:00Z";

/// An installation that is ready to work.
pub struct Installation {
    pub app: App,
    pub clock: Clock,
    /// A second connection to the same database, which SQLite treats like another process.
    pub store: Store,
    /// URL of the stories' pages without a trailing slash.
    pub pages: String,
    _folder: tempfile::TempDir,
}

impl Installation {
    /// Creates the installation in a temporary folder, or in a new database of a server.
    pub async fn create(cluster: Option<&Cluster>) -> Self {
        let folder = tempfile::Builder::new().prefix("daily-bench-").tempdir().expect("a temporary folder");
        let url = match cluster {
            Some(cluster) => new_database(cluster).await,
            None => format!("sqlite://{}", folder.path().join("daily.db").display()),
        };
        Self::open(folder, &url).await
    }

    /// Opens the installation with this database, and keeps its other files in a folder until the end.
    pub async fn open(folder: tempfile::TempDir, url: &str) -> Self {
        let mut settings = Settings::defaults().expect("the defaults are right");
        settings.database.url = DatabaseUrl::parse(url).expect("a database's URL");
        folder.path().clone_into(&mut settings.data.folder);
        settings.relays = vec![Relay::new(RelayUrl::Mailbox(folder.path().join("mailbox")))];
        // All stories are on this machine.
        settings.feeds.allow_networks = vec!["127.0.0.1/32".parse().expect("a network")];
        settings.feeds.host_pause_ms = 0;
        // The operators' pages open by a link alone.
        settings.admin.second_factor = false;
        let clock = Clock::fixed(BEGIN.parse().expect("a moment"));
        let app = App::start(settings, clock.clone()).await.expect("Daily starts");
        let store = Store::open(url).await;
        Self { app, clock, store, pages: serve_pages().await, _folder: folder }
    }

    /// Returns an SQL expression for the time that lies `seconds` (also an expression) before another.
    pub fn before(&self, moment: Timestamp, seconds: &str) -> String {
        match self.store {
            Store::Sqlite(_) => {
                format!("({} - CAST(({seconds}) * 1000000 AS INTEGER))", moment.as_microsecond())
            }
            Store::Postgres(_) => format!("(TIMESTAMPTZ '{moment}' - ({seconds}) * INTERVAL '1 second')"),
        }
    }

    /// Returns an SQL expression for a time.
    pub fn time(&self, moment: Timestamp) -> String {
        match self.store {
            Store::Sqlite(_) => moment.as_microsecond().to_string(),
            Store::Postgres(_) => format!("TIMESTAMPTZ '{moment}'"),
        }
    }

    /// Loads the newsletter with this short name.
    pub async fn newsletter(&self, slug: &str) -> NewsletterRecord {
        let mut tx = self.app.db.read().await.expect("a transaction");
        newsletters::get_by_slug(&mut tx, slug).await.expect("a query").expect("the newsletter is there")
    }

    /// Creates the issue of a date.
    pub async fn begin_issue(&self, newsletter: &NewsletterRecord, date: Date) -> IssueId {
        let now = self.clock.now();
        let mut tx = self.app.db.begin().await.expect("a transaction");
        let issue =
            issues::insert(&mut tx, newsletter.id, date, Due::at(now), IssueStatus::Planned, None, now)
                .await
                .expect("a query")
                .expect("a date without an issue");
        tx.commit().await.expect("a commit");
        issue
    }

    /// Updates the planner's statistics. A PostgreSQL server does so in the background, SQLite never.
    pub async fn analyze(&self) {
        if let Store::Postgres(_) = self.store {
            self.store.execute("ANALYZE").await;
        }
    }

    /// Closes the database. Its files are deleted with the folder.
    pub async fn close(self) {
        self.store.close().await;
        self.app.db.close().await;
    }
}

async fn new_database(cluster: &Cluster) -> String {
    let name = format!("digest_{}", daily::random::hex::<6>());
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await.expect("the server answers");
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a new database");
    connection.close().await.expect("a connection to close");
    cluster.url(&name)
}

/// Serves a page of some 20 kB for each story until the process ends.
async fn serve_pages() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let page = |Path(name): Path<String>| async move {
        let text =
            "<p>What the river took and what it left behind: a walk along the new dyke.</p>".repeat(250);
        Html(format!("<html><head><title>{name}</title></head><body><article>{text}</article></body></html>"))
    };
    let site = Router::new().route("/{name}", get(page));
    tokio::spawn(async move { axum::serve(listener, site).await });
    format!("http://{address}")
}
