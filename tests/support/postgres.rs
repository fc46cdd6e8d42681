//! PostgreSQL for the test run: [`database`] hands out fresh, empty databases.
//!
//! The first call makes one private, throw-away server for the whole test process: its own cluster in a temp folder,
//! on a free port of 127.0.0.1. A small `sh` supervisor stops it and removes the folder as soon as the pipe that this
//! process holds closes, so nothing stays behind after a panic or a `kill -9` either. With `DAILY_TEST_POSTGRES_URL`
//! set (a user who may create databases), that server is used instead.

use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::net::TcpSocket;
use ulid::Ulid;
use url::Url;

/// `$1` is the folder of PostgreSQL's programs, `$2` the port. Says `ready`, or else what went wrong.
const SUPERVISOR: &str = r#"
trap '' HUP INT TERM PIPE
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/daily-postgres.XXXXXXXX") || exit 1
{
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
} >"$folder/log" 2>&1 </dev/null && echo ready || cat "$folder/log"
exec >/dev/null 2>&1
read -r _ # returns when the test process has ended
"$1/pg_ctl" -D "$folder/data" -m immediate stop
rm -rf "$folder"
"#;

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
    let name = format!("daily_test_{}", Ulid::generate().to_string().to_lowercase());
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
    /// The supervisor, which stops the server when its stdin closes, and the port's reservation.
    _alive: Option<(Child, TcpSocket)>,
}

impl Server {
    fn find_or_start() -> Self {
        if let Ok(url) = std::env::var("DAILY_TEST_POSTGRES_URL") {
            let url = Url::parse(&url).expect("DAILY_TEST_POSTGRES_URL is a postgres:// URL");
            return Self { url, _alive: None };
        }
        let programs = server_programs();
        let (reservation, port) = reserve_port();
        let mut supervisor = unprivileged_sh()
            .args(["-c", SUPERVISOR, "postgres-supervisor"])
            .arg(&programs)
            .arg(port.to_string())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the shell that starts PostgreSQL runs");
        let mut said = BufReader::new(supervisor.stdout.take().expect("stdout is piped"));
        let mut first = String::new();
        said.read_line(&mut first).expect("the supervisor's answer is readable");
        if first != "ready\n" {
            drop(supervisor.stdin.take());
            said.read_to_string(&mut first).expect("the supervisor's answer is readable");
            drop(supervisor.wait());
            panic!("PostgreSQL did not start with the programs in {}:\n{first}", programs.display());
        }
        let url = Url::parse(&format!("postgres://postgres@127.0.0.1:{port}/postgres")).expect("a valid URL");
        Self { url, _alive: Some((supervisor, reservation)) }
    }
}

/// A free port that nobody else is given: bound without listening, which lets only a server that names the port (and
/// sets SO_REUSEADDR, as servers do) listen on it.
fn reserve_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.set_reuseaddr(true).expect("SO_REUSEADDR can be set");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("127.0.0.1 has a free port");
    let port = socket.local_addr().expect("a bound socket has an address").port();
    (socket, port)
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
        .find(|folder: &PathBuf| ["initdb", "pg_ctl"].iter().all(|name| Path::is_file(&folder.join(name))))
        .expect("PostgreSQL's server programs (initdb, pg_ctl) are not installed: run script/bootstrap")
}
