//! PostgreSQL databases for tests: [`database`] creates new, empty ones.
//!
//! The first call starts a private server for the whole test process, which ends with the process. It is a
//! cluster in a temporary folder, on a free port of 127.0.0.1. If `DAILY_TEST_POSTGRES_URL` is set, that
//! server is used instead. Its user must be allowed to create databases.

use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

use super::postgres_cluster::Cluster;

/// Faster, and safe enough for temporary data.
const WITHOUT_SAFETY: &str =
    "max_connections = 200\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n";

static SERVER: OnceLock<Server> = OnceLock::new();

/// A database for one test. Dropping the value drops the database.
pub struct TestDatabase {
    url: Url,
}

/// Creates an empty database. The first call starts the server.
pub async fn database() -> TestDatabase {
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(Server::find_or_start))
        .await
        .expect("PostgreSQL for the tests starts (its own panic says why not)");
    let name = format!("daily_test_{}", daily::random::hex::<8>());
    administer(&server.url, format!("CREATE DATABASE {name}")).await.expect("a test database can be created");
    let mut url = server.url.clone();
    url.set_path(&name);
    TestDatabase { url }
}

impl TestDatabase {
    /// Returns the URL of the database.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.url.path().trim_start_matches('/');
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let server = SERVER.get().expect("a test database comes from the server").url.clone();
        // In another thread, because this one may be inside a runtime. A failure only leaves a database
        // behind in a temporary cluster, and must not hide the failure of a test.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(administer(&server, statement))
        });
        drop(dropping.join());
    }
}

async fn administer(server: &Url, statement: String) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(server.as_str()).await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

struct Server {
    /// The database for administrative connections.
    url: Url,
    /// `None` for a server from outside. The value is in a static and never dropped, so the server ends with
    /// the process.
    _own: Option<Cluster>,
}

impl Server {
    fn find_or_start() -> Self {
        if let Ok(url) = std::env::var("DAILY_TEST_POSTGRES_URL") {
            let url = Url::parse(&url).expect("DAILY_TEST_POSTGRES_URL is a postgres:// URL");
            return Self { url, _own: None };
        }
        let cluster = Cluster::start(WITHOUT_SAFETY);
        let url = Url::parse(&cluster.url("postgres")).expect("a valid URL");
        Self { url, _own: Some(cluster) }
    }
}
