//! The benchmark's command line.

use clap::Parser;

/// Measure the server time of each operators' page with a million readers
#[derive(Debug, Clone, Parser)]
#[command(
    name = "cargo bench --bench pages --",
    after_help = "Examples:\n  \
    cargo bench --bench pages                                       on SQLite: some ten minutes, nearly all for the rows\n  \
    cargo bench --bench pages -- --sqlite --postgres                on both\n  \
    cargo bench --bench pages -- --readers 10000                    a try\n  \
    cargo bench --bench pages -- --database sqlite:///tmp/bench.db  keep the rows for the next time"
)]
pub struct Arguments {
    /// Use SQLite (the default)
    #[arg(long)]
    pub sqlite: bool,
    /// Use a private PostgreSQL server
    #[arg(long)]
    pub postgres: bool,
    /// Use this database, which is filled if it is empty and kept
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Readers. There are ten times as many deliveries
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    pub readers: u64,
    /// Articles of the last hundred days
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(6000..))]
    pub articles: u64,
    /// Feeds of these articles
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub feeds: u64,
    /// Have PostgreSQL log the plans of slow queries, and print them
    #[arg(long)]
    pub explain: bool,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}
