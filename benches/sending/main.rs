//! Measures how fast Daily sends, as complete processes against sinks, and Postfix's smtp-source in the same
//! run. `script/bench --help` lists the options.

mod arguments;
mod compare;
mod latency;
mod listmonk;
mod reference;
mod scale;
mod support;
mod throughput;

use arguments::{Arguments, Part};
use clap::Parser as _;
use std::{fs, path::PathBuf, process::Command, process::ExitCode};
use support::{installation::Engine, postgres_cluster::Cluster, sinks::Internal};

/// State shared by all parts.
pub struct Bench {
    arguments: Arguments,
    cluster: Option<Cluster>,
    /// Octets of one message on the wire.
    octets: u64,
}

impl Bench {
    /// PostgreSQL's data folder.
    fn data_folder(&self) -> PathBuf {
        self.cluster.as_ref().expect("PostgreSQL runs").folder().join("data")
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Internal::Sink(sink)) = &arguments.command {
        support::sinks::serve(sink);
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let complete = runtime.block_on(run(arguments));
    if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(mut arguments: Arguments) -> bool {
    print_machine();
    if arguments.two_workers {
        arguments.engine = vec![Engine::Postgres];
    } else if arguments.million.is_some() {
        arguments.engine.truncate(1);
    }
    // PostgreSQL's default settings, with fsync.
    let cluster = arguments.engine.contains(&Engine::Postgres).then(|| Cluster::start(""));
    let mut bench = Bench { arguments, cluster, octets: 0 };
    if bench.arguments.two_workers {
        scale::two_workers(&bench).await;
        return true;
    }
    if let Some(readers) = bench.arguments.million {
        scale::million(&bench, readers).await;
        return true;
    }
    if let Some(rounds) = bench.arguments.compare {
        bench.octets = throughput::message_octets(&bench).await;
        compare::run(&bench, rounds).await;
        return true;
    }
    let mut complete = true;
    for part in bench.arguments.only.clone() {
        match part {
            Part::Throughput => {
                bench.octets = throughput::message_octets(&bench).await;
                complete &= throughput::run(&bench).await;
            }
            Part::Single => latency::single(&bench).await,
            Part::Pickup => latency::pickup(&bench).await,
        }
    }
    complete
}

fn print_machine() {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let said = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = said.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned()).unwrap_or_default();
    println!(
        "daily {commit} · {cores} cores{} · Linux {} · load {}",
        model.replace('\t', "").replacen(':', " of", 1),
        kernel.trim(),
        load.split_whitespace().next().unwrap_or_default()
    );
    let busy =
        load.split_whitespace().next().and_then(|it| it.parse::<f64>().ok()).is_some_and(|it| it > 0.5);
    if busy {
        println!("Something else is running here, so these figures will be too low.\n");
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
