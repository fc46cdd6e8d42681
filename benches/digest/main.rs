//! Measures how long a digest takes: planning over many articles, freezing with and without a recheck of the
//! pages, and waves of very many readers.
//!
//! The library runs in this process, on a real database. `--help` lists the options.

mod archive;
mod arguments;
mod articles;
mod explain;
mod freezing;
mod installation;
mod planning;
mod pulse;
mod readers;
mod statements;
mod storage;
mod support;
mod waves;

use arguments::Arguments;
use clap::Parser as _;
use installation::Installation;
use statements::Statements;
use support::{postgres_cluster::Cluster, table::Table};

/// Default settings, with fsync. With `--explain`, PostgreSQL logs the plans of slow queries.
const AUTO_EXPLAIN: &str = "session_preload_libraries = 'auto_explain'\nauto_explain.log_min_duration = 20\n\
    auto_explain.log_analyze = on\nauto_explain.log_triggers = on\n";

fn main() {
    let arguments = Arguments::parse();
    let statements = Statements::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        if arguments.sqlite || !arguments.postgres {
            run(&arguments, &statements, None).await;
        }
        if arguments.postgres {
            let cluster = Cluster::start(if arguments.explain { AUTO_EXPLAIN } else { "" });
            run(&arguments, &statements, Some(&cluster)).await;
        }
    });
}

async fn run(arguments: &Arguments, statements: &Statements, cluster: Option<&Cluster>) {
    let engine = if cluster.is_some() { "PostgreSQL" } else { "SQLite" };
    eprintln!(
        "{engine}: {} articles of {} feeds are put into the database …",
        arguments.articles, arguments.feeds
    );
    let installation = Installation::create(cluster).await;
    articles::add_feeds(&installation, arguments.feeds).await;
    archive::fill(&installation, arguments).await;
    let mut table = Table::new(&[engine, "time", ""]);
    planning::run(&installation, statements, &mut table).await;
    freezing::run(&installation, statements, &mut table).await;
    if arguments.readers > 0 {
        waves::run(&installation, statements, arguments.readers, &mut table).await;
        storage::run(&installation, &mut table).await;
    }
    println!("\n{table}");
    if arguments.explain {
        explain::run(&installation, statements, cluster).await;
    }
    installation.close().await;
}
