//! Measures the server time of each operators' page with a million readers, a hundred issues and ten million
//! deliveries, one issue being sent.
//!
//! The library runs in this process, on a real database, and pages are asked for without a network. `--help` lists
//! the options.

#[path = "../digest/archive.rs"]
#[allow(dead_code)]
mod archive;
mod arguments;
#[path = "../digest/articles.rs"]
mod articles;
mod desk;
#[path = "../digest/installation.rs"]
#[allow(dead_code)]
mod installation;
#[path = "../digest/readers.rs"]
#[allow(dead_code)]
mod readers;
mod rows;
#[path = "../digest/statements.rs"]
#[allow(dead_code)]
mod statements;
mod support;

use arguments::Arguments;
use clap::Parser as _;
use desk::Desk;
use installation::Installation;
use statements::Statements;
use std::time::Instant;
use support::{
    postgres_cluster::Cluster,
    table::{Table, milliseconds},
};

/// Times that each page is opened. The median counts.
const RUNS: usize = 5;
/// With `--explain`, PostgreSQL logs the plans of slow queries.
const AUTO_EXPLAIN: &str = "session_preload_libraries = 'auto_explain'\nauto_explain.log_min_duration = 10\n\
    auto_explain.log_analyze = on\n";

fn main() {
    let arguments = Arguments::parse();
    let statements = Statements::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        if let Some(url) = &arguments.database {
            let folder =
                tempfile::Builder::new().prefix("daily-bench-").tempdir().expect("a temporary folder");
            let installation = Installation::open(folder, url).await;
            return run(&arguments, &statements, installation, url.split(':').next().unwrap_or_default())
                .await;
        }
        if arguments.sqlite || !arguments.postgres {
            run(&arguments, &statements, Installation::create(None).await, "SQLite").await;
        }
        if arguments.postgres {
            let cluster = Cluster::start(if arguments.explain { AUTO_EXPLAIN } else { "" });
            run(&arguments, &statements, Installation::create(Some(&cluster)).await, "PostgreSQL").await;
            if arguments.explain {
                println!(
                    "{}",
                    std::fs::read_to_string(cluster.folder().join("log")).expect("the server writes a log")
                );
            }
        }
    });
}

async fn run(arguments: &Arguments, statements: &Statements, installation: Installation, engine: &str) {
    let count = async |table: &str| installation.store.number(&format!("SELECT count(*) FROM {table}")).await;
    if count("issues").await == 0 {
        let begun = Instant::now();
        rows::fill(&installation, arguments).await;
        eprintln!("{engine}: filled in {}", milliseconds(since(begun)));
    }
    eprintln!(
        "{engine}: {} readers, {} issues, {} deliveries",
        count("subscriptions").await,
        count("issues").await,
        count("deliveries").await
    );
    let desk = Desk::open(&installation).await;
    let mut table = Table::new(&[engine, "median", "slowest", "queries", "the slowest query"]);
    let mut worst = (String::new(), 0.0);
    for (name, path) in desk::PAGES {
        if name == desk::APPROVED {
            desk.approve_tomorrow().await;
        }
        if name == "Live" {
            desk.wait_for_tally().await;
        }
        let mut times = Vec::new();
        let mut queries = Vec::new();
        let mut slowest = (String::new(), 0.0);
        for _ in 0..=RUNS {
            statements.drain();
            let begun = Instant::now();
            desk.get(path).await;
            times.push(since(begun));
            let ran = statements.drain();
            queries.push(ran.count(""));
            let (sql, time) = ran.slowest().expect("a page asks the database");
            slowest = (sql.to_owned(), time);
        }
        // The first time warms the cache.
        let (_, mut times) = (times.remove(0), times);
        times.sort_by(f64::total_cmp);
        let shown: String =
            slowest.0.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
        table.row(&[
            name,
            &milliseconds(times[RUNS / 2]),
            &milliseconds(times[RUNS - 1]),
            &queries[RUNS].to_string(),
            &format!("{} {shown}", milliseconds(slowest.1)),
        ]);
        if slowest.1 > worst.1 {
            worst = slowest;
        }
    }
    println!("\n{table}\nThe slowest query, {}:\n{}\n", milliseconds(worst.1), worst.0);
    installation.close().await;
}

/// Returns the milliseconds since a time.
fn since(moment: Instant) -> f64 {
    moment.elapsed().as_secs_f64() * 1000.0
}
