//! PostgreSQL for the test run: [`database`] hands out fresh, empty databases.
//!
//! The first call makes one private, throw-away server for the whole test process: its own cluster in a temp folder,
//! on a free port of 127.0.0.1, gone with the process. With `DAILY_TEST_POSTGRES_URL` set (a user who may create
//! databases), that server is used instead.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

use super::supervisor::{ReservedPort, ServerScript, Supervisor};

/// `$1` is the folder of PostgreSQL's programs, `$2` the port.
const SCRIPT: ServerScript = ServerScript {
    name: "daily-postgres",
    start: r#"{
    "$1/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions &&
    cat >>"$folder/data/postgresql.conf" <<END &&
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = ''
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
END
    "$1/pg_ctl" -D "$folder/data" -w start
} >"$folder/log" 2>&1 </dev/null && echo ready || cat "$folder/log""#,
    stop: r#""$1/pg_ctl" -D "$folder/data" -m immediate stop"#,
};

static SERVER: OnceLock<Server> = OnceLock::new();

/// A database of its own for one test; dropped with this value.
pub struct TestDatabase {
    url: Url,
}

/// Makes a fresh, empty database, starting the server when this is the first.
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
    /// `postgres://…` for this database.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.url.path().trim_start_matches('/');
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let server = SERVER.get().expect("a test database comes from the server").url.clone();
        // A thread of its own, because this one may be inside a runtime. A failure leaves a database behind in a
        // throw-away cluster, which must not hide why a test failed.
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
    /// Where databases are created and dropped.
    url: Url,
    /// Unless it was there before the tests. Never dropped, being in a static: it ends when the process does.
    _own: Option<(Supervisor, ReservedPort)>,
}

impl Server {
    fn find_or_start() -> Self {
        if let Ok(url) = std::env::var("DAILY_TEST_POSTGRES_URL") {
            let url = Url::parse(&url).expect("DAILY_TEST_POSTGRES_URL is a postgres:// URL");
            return Self { url, _own: None };
        }
        let programs = server_programs();
        let programs = programs.to_str().expect("PostgreSQL's folder has a name in UTF-8");
        let port = ReservedPort::reserve();
        let number = port.number();
        let mut supervisor = Supervisor::start(unprivileged_sh(), &SCRIPT, &[programs, &number.to_string()]);
        supervisor.wait_until_ready();
        let url =
            Url::parse(&format!("postgres://postgres@127.0.0.1:{number}/postgres")).expect("a valid URL");
        Self { url, _own: Some((supervisor, port)) }
    }
}

/// PostgreSQL refuses to run as root, so root hands over to the user that its package made.
fn unprivileged_sh() -> Command {
    let we_are_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if we_are_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    }
}

/// The folder of `initdb` and `pg_ctl`: from PATH, else the newest that Debian's packages installed.
fn server_programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut installed: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    installed.sort_by(|a, b| b.cmp(a));
    std::env::split_paths(&path)
        .chain(installed.into_iter().map(|(_, folder)| folder))
        .find(|folder: &PathBuf| ["initdb", "pg_ctl"].iter().all(|name| folder.join(name).is_file()))
        .expect("PostgreSQL's server programs (initdb, pg_ctl) are not installed: run script/bootstrap")
}
