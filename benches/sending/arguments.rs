//! The benchmark's command line.

use crate::support::{
    installation::{Dkim, Engine},
    sinks::Internal,
};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Measure how fast Daily sends, next to Postfix's smtp-source
#[derive(Debug, Clone, Parser)]
#[command(
    name = "script/bench",
    after_help = "Examples:\n  \
    script/bench                                              all of it: some 20 minutes\n  \
    script/bench --readers 2000 --only throughput             a first impression\n  \
    script/bench --engine sqlite --dkim rsa --sink ours       one line of the table\n  \
    script/bench --million                                    one million readers on SQLite\n  \
    script/compare                                            next to smtp-source, in five rounds\n  \
    script/bench --two-workers                                two workers share an issue on PostgreSQL"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Internal>,
    /// Readers of the issue
    #[arg(long, default_value_t = 20_000)]
    pub readers: u64,
    /// Connections to the relay
    #[arg(long, default_value_t = 32)]
    pub connections: u64,
    /// Stories in the issue
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub stories: u32,
    /// Databases to use
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Engine::Sqlite, Engine::Postgres])]
    pub engine: Vec<Engine>,
    /// DKIM signatures to use
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Dkim::None, Dkim::Ed25519, Dkim::Rsa])]
    pub dkim: Vec<Dkim>,
    /// Relays: our minimal sink, Postfix's smtp-sink
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [SinkKind::Ours, SinkKind::Postfix])]
    pub sink: Vec<SinkKind>,
    /// Runs per figure, of which the median counts
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Runs of `pickup`, about a minute each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub pickups: u32,
    /// Parts to run
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Throughput, Part::Single, Part::Pickup])]
    pub only: Vec<Part>,
    /// Instead: send one issue to this many readers on the first engine
    #[arg(long, num_args = 0..=1, default_missing_value = "1000000", value_name = "READERS")]
    pub million: Option<u64>,
    /// Instead: send one issue with two workers on PostgreSQL
    #[arg(long)]
    pub two_workers: bool,
    /// Instead: compare with smtp-source, and with listmonk if it is named, in rounds of one run each
    #[arg(long, num_args = 0..=1, default_missing_value = "5", value_name = "ROUNDS")]
    pub compare: Option<u32>,
    /// The program of listmonk (version 3 or later) to compare with
    #[arg(long, value_name = "FILE", requires = "compare")]
    pub listmonk: Option<PathBuf>,
    /// Round-trip time of our sink, in milliseconds
    #[arg(long, default_value_t = 0)]
    pub round_trip: u64,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SinkKind {
    Ours,
    Postfix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Messages per second, CPU and memory, next to smtp-source
    Throughput,
    /// Confirmations while an issue is being sent
    Single,
    /// Delay between an issue's due time and its first message
    Pickup,
}
