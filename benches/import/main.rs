//! Measures a very long list of readers: importing it twice, linking its consent entries in the hash chain,
//! and verifying the chain. The release build runs as a separate process. `--help` lists the options.

mod support;

use clap::Parser as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use support::{
    postgres_cluster::Cluster,
    processes::{cpu_seconds, peak_rss},
    store::{DOMAINS, Store},
    table::{Table, count, megabytes},
};

/// Interval between measurements of the process.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const BACKLOG: &str =
    "SELECT CAST(COALESCE(sum(up_to_event - after_event), 0) AS BIGINT) FROM consent_backlog";

/// Measure importing, linking and verifying a very long list of readers
#[derive(Debug, Clone, clap::Parser)]
#[command(
    name = "cargo bench --bench import --",
    after_help = "Examples:\n  \
    cargo bench --bench import                           a million rows on SQLite\n  \
    cargo bench --bench import -- --postgres 100000      fewer, on PostgreSQL"
)]
struct Arguments {
    /// Rows of the list
    #[arg(default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// Use PostgreSQL with default settings instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let cluster = arguments.postgres.then(|| Cluster::start(""));
    let folder = tempfile::Builder::new().prefix("daily-import-").tempdir().expect("a temporary folder");
    let url = match &cluster {
        Some(cluster) => new_database(cluster).await,
        None => format!("sqlite://{}", folder.path().join("daily.db").display()),
    };
    let list = write_list(folder.path(), arguments.rows);
    let program = Program { folder: folder.path(), url: &url };
    program.measure(&["migrate"]);
    let engine = if cluster.is_some() { "PostgreSQL" } else { "SQLite" };
    let mut table = Table::new(&[engine, "time", "a second", "CPU", "peak memory"]);
    let list = list.to_str().expect("a name in UTF-8");
    for what in ["import, all new", "import, all known"] {
        add(&mut table, what, arguments.rows, &program.measure(&["subscriber", "import", list]));
    }
    let store = Store::open(&url).await;
    let entries = store.number(BACKLOG).await.unsigned_abs();
    let (first, stop) = link(&program, &store, entries / 2).await;
    let (second, _) = link(&program, &store, 0).await;
    let whole = Usage {
        time: first.time + second.time,
        cpu: first.cpu + second.cpu,
        peak: first.peak.max(second.peak),
    };
    add(&mut table, "links in the chain", entries, &whole);
    table.row(&["a stop in the middle of that", &format!("{:.2} s", stop.as_secs_f64())]);
    add(&mut table, "consent verify", entries, &program.measure(&["consent", "verify"]));
    store.close().await;
    println!("\n{} rows, {} consent entries\n\n{table}", arguments.rows, entries);
}

/// The program with its settings.
struct Program<'a> {
    folder: &'a Path,
    url: &'a str,
}

/// Time, CPU and memory of a run.
struct Usage {
    time: Duration,
    cpu: f64,
    peak: u64,
}

impl Program<'_> {
    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_daily"))
            .args(arguments)
            .env("DAILY__DATABASE__URL", self.url)
            .env("DAILY__DATA__FOLDER", self.folder)
            .env("DAILY__RELAYS__0__URL", format!("mailbox:{}", self.folder.join("mailbox").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(self.folder.join("log")).expect("a log"))
            .spawn()
            .expect("the program starts")
    }

    /// Runs the program to its end.
    fn measure(&self, arguments: &[&str]) -> Usage {
        let begun = Instant::now();
        let mut child = self.start(arguments);
        let (mut cpu, mut peak) = (0.0, 0);
        let status = loop {
            // /proc has no figures for a process that has ended.
            cpu = cpu_seconds(child.id()).max(cpu);
            peak = peak_rss(child.id()).max(peak);
            match child.try_wait().expect("its state") {
                Some(status) => break status,
                None => std::thread::sleep(POLL_INTERVAL),
            }
        };
        let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(status.success(), "{arguments:?}: {}", log());
        Usage { time: begun.elapsed(), cpu, peak }
    }
}

/// Runs a worker until at most this many entries lack links. Returns its usage, and the time it took to stop.
async fn link(program: &Program<'_>, store: &Store, until: u64) -> (Usage, Duration) {
    let begun = Instant::now();
    let mut worker = program.start(&["serve", "--role", "worker"]);
    while store.number(BACKLOG).await.unsigned_abs() > until {
        assert!(worker.try_wait().expect("its state").is_none(), "the worker ended");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let usage = Usage { time: begun.elapsed(), cpu: cpu_seconds(worker.id()), peak: peak_rss(worker.id()) };
    let asked = Instant::now();
    Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().expect("kill");
    while worker.try_wait().expect("its state").is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (usage, asked.elapsed())
}

fn add(table: &mut Table, what: &str, number: u64, usage: &Usage) {
    let time = usage.time.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let a_second = count(number as f64 / time);
    table.row(&[
        what,
        &format!("{time:.1} s"),
        &a_second,
        &format!("{:.1} s", usage.cpu),
        &megabytes(usage.peak),
    ]);
    eprintln!("{}", table.last());
}

/// Writes a list in Mailchimp's format, with two times and two IP addresses per reader.
fn write_list(folder: &Path, rows: u64) -> PathBuf {
    let path = folder.join("list.csv");
    let mut file = BufWriter::new(File::create(&path).expect("a file"));
    writeln!(file, "Email Address,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP").expect("room on the disk");
    for n in 0..rows {
        let domain = n % DOMAINS as u64;
        writeln!(file, "r{n}@d{domain}.example,2021-05-04 10:22:31,192.0.2.7,2021-05-04 10:24:02,192.0.2.8")
            .expect("room on the disk");
    }
    file.flush().expect("room on the disk");
    path
}

async fn new_database(cluster: &Cluster) -> String {
    let name = format!("import_{}", daily::random::hex::<6>());
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await.expect("the server answers");
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a new database");
    connection.close().await.expect("a connection to close");
    cluster.url(&name)
}
