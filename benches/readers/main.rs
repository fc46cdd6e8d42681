//! Measures how fast signups are accepted and their confirmations handed over to a relay, how long both take
//! at a steady pace, and how fast readers unsubscribe. Run `cargo bench --bench readers [-- --help]`.
//!
//! The release build runs as `daily serve` on this machine. This program acts as its proxy and names a new
//! client for each request. All share the machine's cores. The benchmark prints its figures and asserts only
//! that nothing is missing.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed, and says where")]

mod arguments;
mod clients;
mod requests;
mod sizes;
mod steady;
mod support;

use arguments::{Arguments, Part};
use clients::{Load, Outcome};
use requests::{Body, signups, unsubscriptions};
use std::time::{Duration, Instant};
use support::{
    command::Running,
    eventually_within,
    installation::{Dkim, Engine, Installation, Plan, client},
    postgres_cluster::Cluster,
    processes,
    sinks::{self, Internal, PostfixSink},
    table::cli_name,
};

const SECRET: &str = "5b1f0c2d9a7e4836b5c4d3e2f1a09b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a";
/// Stories of an issue.
const STORIES: u32 = 12;

/// State shared by all parts.
struct Bench {
    arguments: Arguments,
    cluster: Option<Cluster>,
}

fn main() {
    let arguments = <Arguments as clap::Parser>::parse();
    if let Some(Internal::Sink(sink)) = &arguments.command {
        return sinks::serve(sink);
    }
    tokio::runtime::Runtime::new().unwrap().block_on(run(arguments));
}

async fn run(arguments: Arguments) {
    let cluster = arguments.postgres.then(|| Cluster::start(""));
    let engine = if arguments.postgres { "PostgreSQL" } else { "SQLite" };
    println!("{engine}, {} requests, {} connections", arguments.requests, arguments.connections);
    let bench = Bench { arguments, cluster };
    for part in &bench.arguments.only {
        println!();
        match part {
            Part::Accept => accept(&bench).await,
            Part::HandOver => hand_over(&bench).await,
            Part::Steady => steady::run(&bench).await,
            Part::Unsubscribe => unsubscribe(&bench).await,
        }
    }
}

impl Bench {
    fn load<'a>(&self, address: &'a str) -> Load<'a> {
        Load { address, connections: self.arguments.connections, pace: None }
    }

    /// Creates an installation whose limits are checked but never reached.
    async fn installation(&self, relay: u16, dkim: Dkim, readers: u64) -> Installation {
        let mut one = Installation::create(&Plan {
            engine: if self.arguments.postgres { Engine::Postgres } else { Engine::Sqlite },
            dkim,
            readers,
            stories: STORIES,
            connections: self.arguments.relay_connections,
            relay,
            cluster: self.cluster.as_ref(),
        })
        .await
        .unwrap();
        one.environment = one
            .environment
            .set("DAILY__HTTP__TRUSTED_PROXIES", "127.0.0.1/32")
            .set("DAILY__TOKENS__SECRETS", SECRET)
            .set("DAILY__SIGNUP__SIGNUPS_PER_MINUTE", "100000000")
            // This many signups would otherwise count as an attack.
            .set("DAILY__SIGNUP__PROOF_OF_WORK", "never");
        one
    }
}

/// Measures how many signups a process commits that only serves pages.
async fn accept(bench: &Bench) {
    let sink = PostfixSink::start().await;
    let one = bench.installation(sink.port(), Dkim::None, 0).await;
    let mut running = one.serve_as("web", &one.environment);
    eventually_within(60, "the service answers", || async {
        let answer = client().get(format!("{}/healthz", one.url)).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    print_head();
    for (body, what) in [(Body::Form, "form"), (Body::Json, "JSON")] {
        let (requests, _) = signups(&one, body, "", bench.arguments.requests);
        let done = bench.load(one.address()).run(requests).await;
        print_row(&format!("signups, {what}, pages alone"), &done);
    }
    running.kill();
    one.close().await;
}

/// Measures how fast signups are accepted, and the time until the relay has all their confirmations.
async fn hand_over(bench: &Bench) {
    let wanted = bench.arguments.requests;
    println!(
        "| DKIM | accepted/s | handed over/s, end to end | CPU s/1,000 | peak RSS | still to do when all were accepted |"
    );
    println!("|---|---|---|---|---|---|");
    for dkim in &bench.arguments.dkim {
        let sink = PostfixSink::start().await;
        let one = bench.installation(sink.port(), *dkim, 0).await;
        let mut running: Running = one.serve().await;
        let (requests, _) = signups(&one, Body::Json, "", wanted);
        let cpu = processes::cpu_seconds(running.pid());
        let begun = Instant::now();
        let accepted = bench.load(one.address()).run(requests).await;
        assert_eq!(accepted.others, 0, "every signup is accepted");
        let sent = || one.store.number("SELECT count(*) FROM emails WHERE status = 'sent'");
        let left = i64::try_from(wanted).unwrap() - sent().await;
        eventually_within(600, "every confirmation is sent", || async {
            (sent().await >= i64::try_from(wanted).unwrap()).then_some(())
        })
        .await;
        let took = begun.elapsed();
        let wanted = f64::from(u32::try_from(wanted).unwrap());
        println!(
            "| {} | {:.0} | {:.0} | {:.3} | {} MB | {left} |",
            cli_name(*dkim),
            accepted.per_second(),
            wanted / took.as_secs_f64(),
            (processes::cpu_seconds(running.pid()) - cpu) / wanted * 1000.0,
            processes::peak_rss(running.pid()) / 1_000_000,
        );
        running.kill();
        one.close().await;
    }
}

/// Measures how many one-click requests are committed per second.
async fn unsubscribe(bench: &Bench) {
    let sink = PostfixSink::start().await;
    let wanted = bench.arguments.requests;
    let one = bench.installation(sink.port(), Dkim::None, wanted as u64).await;
    let mut running = one.serve().await;
    let requests = unsubscriptions(&one, wanted).await;
    print_head();
    let done = bench.load(one.address()).run(requests).await;
    print_row("unsubscribed with one click (RFC 8058)", &done);
    let left = one.store.number("SELECT count(*) FROM subscriptions WHERE status = 'unsubscribed'").await;
    println!("\n{left} of {wanted} readers unsubscribed\n");
    sizes::print(&one).await;
    running.kill();
    one.close().await;
}

fn print_head() {
    println!("| requests | per second | p50 | p99 | longest | answers other than 2xx |");
    println!("|---|---|---|---|---|---|");
}

fn print_row(what: &str, done: &Outcome) {
    println!(
        "| {what} | {:.0} | {} | {} | {} | {} |",
        done.per_second(),
        milliseconds(done.percentile(50)),
        milliseconds(done.percentile(99)),
        milliseconds(done.percentile(100)),
        done.others
    );
}

fn milliseconds(it: Duration) -> String {
    format!("{:.1} ms", it.as_secs_f64() * 1000.0)
}
