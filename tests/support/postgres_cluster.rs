//! A private PostgreSQL server: a new cluster in a temporary folder, on a free port of 127.0.0.1.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::supervisor::{ReservedPort, ServerScript, Supervisor};

/// `$1` is the folder of PostgreSQL's programs, `$2` the port, `$3` additional configuration.
const SCRIPT: ServerScript = ServerScript {
    name: "daily-postgres",
    start: r#"{
    "$1/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions &&
    cat >>"$folder/data/postgresql.conf" <<END &&
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = ''
$3
END
    "$1/pg_ctl" -D "$folder/data" -w start
} >"$folder/log" 2>&1 </dev/null && echo ready || cat "$folder/log""#,
    stop: r#""$1/pg_ctl" -D "$folder/data" -m immediate stop"#,
};

/// A running server. Dropping it removes its data.
pub struct Cluster {
    supervisor: Supervisor,
    port: ReservedPort,
}

impl Cluster {
    /// Starts a server with PostgreSQL's defaults and these additional settings.
    pub fn start(settings: &str) -> Self {
        let programs = server_programs();
        let programs = programs.to_str().expect("PostgreSQL's folder has a name in UTF-8");
        let port = ReservedPort::reserve();
        let arguments = [programs, &port.number().to_string(), settings];
        let mut supervisor = Supervisor::start(unprivileged("sh"), &SCRIPT, &arguments);
        supervisor.wait_until_ready();
        Self { supervisor, port }
    }

    /// Returns the URL of one of the server's databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port.number())
    }

    /// Runs `pg_ctl` with these arguments, and waits until it has finished.
    #[allow(dead_code, reason = "the tests ask for it")]
    pub async fn control(&self, arguments: &[&str]) {
        let folder = self.supervisor.folder();
        let mut command = unprivileged(server_programs().join("pg_ctl"));
        command.arg("-D").arg(folder.join("data")).arg("-l").arg(folder.join("log")).args(["-w", "-s"]);
        command.args(arguments).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = tokio::task::spawn_blocking(move || command.status()).await;
        assert!(status.expect("no panic").expect("pg_ctl runs").success(), "pg_ctl {arguments:?}");
    }

    #[allow(dead_code, reason = "the benchmark asks for it")]
    pub fn folder(&self) -> &Path {
        self.supervisor.folder()
    }
}

/// Runs a program as another user if this is root, because PostgreSQL refuses to run as root.
fn unprivileged(program: impl AsRef<OsStr>) -> Command {
    let we_are_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if we_are_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Returns the folder of `initdb` and `pg_ctl`, from PATH or the newest of Debian's packages.
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
