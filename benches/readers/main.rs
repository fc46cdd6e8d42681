//! Measures how many signups and unsubscribe requests per second are accepted and committed, and how long
//! clients wait. Run `cargo bench --bench readers [-- --postgres] [--requests N] [--connections N]`.
//!
//! The release build runs as `daily serve` on this machine. This program acts as its proxy and names a new
//! client for each request. Both share the machine's cores. The benchmark prints its figures and asserts
//! nothing.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed, and says where")]

mod clients;
mod support;

use clients::{Load, Outcome};
use daily::domain::token::{KeyRing, Purpose};
use std::{path::Path, time::Duration};
use support::{
    command::{Environment, Running},
    eventually_within,
    postgres_cluster::Cluster,
    processes,
    store::Store,
    supervisor::ReservedPort,
};

const SECRET: &str = "5b1f0c2d9a7e4836b5c4d3e2f1a09b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a";

/// Measure how fast signups and unsubscribe requests are committed
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Use PostgreSQL instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// Requests per measurement
    #[arg(long, default_value_t = 30_000)]
    requests: usize,
    /// Number of concurrent connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = <Arguments as clap::Parser>::parse();
    let cluster = arguments.postgres.then(|| Cluster::start(""));
    let engine = if arguments.postgres { "PostgreSQL" } else { "SQLite" };
    println!("{engine}, {} requests, {} connections\n", arguments.requests, arguments.connections);
    print_head();
    for (roles, name) in [(&["web"][..], "pages alone"), (&["all"][..], "everything in one process")] {
        let one = Installation::create(cluster.as_ref()).await;
        let mut running = one.serve(roles).await;
        for (body, what) in [(Body::Form, "form"), (Body::Json, "JSON")] {
            let requests = signups(&one, body, arguments.requests);
            let done = Load { address: &one.address, connections: arguments.connections }.run(requests).await;
            print_row(&format!("signups, {what}, {name}"), &done);
        }
        if roles == ["all"] {
            drain(&one, arguments.requests * 2, &running).await;
        }
        running.iter_mut().for_each(Running::kill);
    }
    let one = Installation::create(cluster.as_ref()).await;
    // The first start creates the default newsletter.
    let mut running = one.serve(&["all"]).await;
    one.store.add_readers(arguments.requests as u64).await;
    let requests = unsubscriptions(&one, arguments.requests).await;
    print_head();
    let done = Load { address: &one.address, connections: arguments.connections }.run(requests).await;
    print_row("unsubscribed with one click (RFC 8058)", &done);
    let left = one.store.number("SELECT count(*) FROM subscriptions WHERE status = 'unsubscribed'").await;
    println!("\n{left} of {} readers unsubscribed", arguments.requests);
    sizes(&one).await;
    running.iter_mut().for_each(Running::kill);
}

#[derive(Clone, Copy)]
enum Body {
    Form,
    Json,
}

fn signups(one: &Installation, body: Body, count: usize) -> Vec<Vec<u8>> {
    let name = daily::random::hex::<3>();
    (0..count)
        .map(|n| {
            let (address, client) = (format!("{name}{n}@d{}.example", n % 50), client(n));
            let (kind, text) = match body {
                Body::Form => (
                    "application/x-www-form-urlencoded",
                    format!(
                        "email={address}&newsletter=daily&source=https%3A%2F%2Fnews.example%2Fstory&time_zone=Europe%2FBerlin"
                    ),
                ),
                Body::Json => (
                    "application/json",
                    format!(
                        "{{\"email\":\"{address}\",\"newsletter\":\"daily\",\"source\":\"https://news.example/story\",\"time_zone\":\"Europe/Berlin\"}}"
                    ),
                ),
            };
            request(&one.address, "/subscribe", kind, &client, &text)
        })
        .collect()
}

async fn unsubscriptions(one: &Installation, count: usize) -> Vec<Vec<u8>> {
    let secret: Vec<u8> =
        (0..SECRET.len()).step_by(2).map(|at| u8::from_str_radix(&SECRET[at..at + 2], 16).unwrap()).collect();
    let keys = KeyRing::new(&[secret]).unwrap();
    let first = one.store.number("SELECT min(id) FROM subscriptions").await;
    (0..count)
        .map(|n| {
            let token = keys.sign(Purpose::Unsubscribe, first + i64::try_from(n).unwrap());
            let kind = "application/x-www-form-urlencoded";
            request(
                &one.address,
                &format!("/unsubscribe/{token}"),
                kind,
                &client(n),
                "List-Unsubscribe=One-Click",
            )
        })
        .collect()
}

/// Returns a client address that no other number has.
fn client(n: usize) -> String {
    format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)
}

fn request(host: &str, path: &str, kind: &str, client: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
         Accept: text/html,application/json\r\nX-Forwarded-For: {client}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn print_head() {
    println!("| requests | per second | p50 | p99 | longest | answers other than 2xx |");
    println!("|---|---|---|---|---|---|");
}

fn print_row(what: &str, done: &Outcome) {
    let ms = |at: Duration| format!("{:.1} ms", at.as_secs_f64() * 1000.0);
    println!(
        "| {what} | {:.0} | {} | {} | {} | {} |",
        done.per_second(),
        ms(done.percentile(50)),
        ms(done.percentile(99)),
        ms(done.percentile(100)),
        done.others
    );
}

/// Measures the time until every signup is processed and every email is sent.
async fn drain(one: &Installation, signups: usize, running: &[Running]) {
    let begun = std::time::Instant::now();
    let waiting = || async { (one.store.number("SELECT count(*) FROM signups").await == 0).then_some(()) };
    let behind = one.store.number("SELECT count(*) FROM signups").await;
    eventually_within(600, "every signup is taken", waiting).await;
    let pending = one.store.number("SELECT count(*) FROM subscriptions WHERE status = 'pending'").await;
    println!(
        "\n{behind} of {signups} signups were still to be made subscriptions; {:.1} s later all {pending} were. Peak RSS {} MB\n",
        begun.elapsed().as_secs_f64(),
        running.iter().map(|it| processes::peak_rss(it.pid())).max().unwrap_or_default() / 1_000_000
    );
}

/// Prints the sizes of the signup page and the form's script on the wire.
async fn sizes(one: &Installation) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    println!();
    for path in ["/", "/daily.css", "/time-zone.js", "/embed.js"] {
        for encoding in ["identity", "gzip", "br"] {
            let url = format!("http://{}{path}", one.address);
            let answer = client.get(url).header("accept-encoding", encoding).send().await.unwrap();
            if !answer.status().is_success() {
                continue;
            }
            let said = answer
                .headers()
                .get("content-encoding")
                .map_or("identity", |it| it.to_str().unwrap())
                .to_owned();
            if said == encoding {
                println!("{path} {encoding}: {} bytes", answer.bytes().await.unwrap().len());
            }
        }
    }
}

/// A realistic installation of the release build.
struct Installation {
    environment: Environment,
    store: Store,
    address: String,
    folder: tempfile::TempDir,
    _port: ReservedPort,
}

impl Installation {
    async fn create(cluster: Option<&Cluster>) -> Self {
        let folder = tempfile::Builder::new().prefix("daily-bench-").tempdir().unwrap();
        let database = match cluster {
            None => format!("sqlite://{}", folder.path().join("daily.db").display()),
            Some(cluster) => new_database(cluster).await,
        };
        let port = ReservedPort::reserve();
        let address = format!("127.0.0.1:{}", port.number());
        let environment = Environment::in_folder(folder.path(), Some(&database))
            .set("DAILY__HTTP__LISTEN", &address)
            .set("DAILY__HTTP__PUBLIC_URL", "https://news.newsletter.example")
            .set("DAILY__HTTP__TRUSTED_PROXIES", "127.0.0.1/32")
            .set("DAILY__TOKENS__SECRETS", SECRET)
            // The limit is checked but never reached.
            .set("DAILY__SIGNUP__SIGNUPS_PER_MINUTE", "100000000")
            // This many signups would otherwise count as an attack.
            .set("DAILY__SIGNUP__PROOF_OF_WORK", "never");
        assert_eq!(environment.run(&["migrate"]).await.code, 0, "the tables are made");
        let store = Store::open(&database).await;
        Self { environment, store, address, folder, _port: port }
    }

    async fn serve(&self, roles: &[&str]) -> Vec<Running> {
        let log = self.folder.path().join("daily.log");
        let running = roles
            .iter()
            .map(|role| self.environment.start_logging(&["serve", "--role", role], Path::new(&log)))
            .collect();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        eventually_within(60, "the service answers", || async {
            let answer = client.get(format!("http://{}/healthz", self.address)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        running
    }
}

async fn new_database(cluster: &Cluster) -> String {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
    let name = format!("bench_{}", daily::random::hex::<6>());
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    cluster.url(&name)
}
