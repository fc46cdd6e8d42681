//! The benchmark's command line.

use clap::Parser;

/// Measure planning and freezing a digest, and waves of very many readers
#[derive(Debug, Clone, Parser)]
#[command(
    name = "cargo bench --bench digest --",
    after_help = "Examples:\n  \
    cargo bench --bench digest                                   all of it on SQLite: some five minutes\n  \
    cargo bench --bench digest -- --postgres --sqlite            on both\n  \
    cargo bench --bench digest -- --readers 0                    planning and freezing only\n  \
    cargo bench --bench digest -- --explain --readers 100000     with the plans of the queries"
)]
pub struct Arguments {
    /// Use SQLite (the default)
    #[arg(long)]
    pub sqlite: bool,
    /// Use a private PostgreSQL server
    #[arg(long)]
    pub postgres: bool,
    /// Articles of the last eight days
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1000..))]
    pub articles: u64,
    /// Feeds of these articles
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub feeds: u64,
    /// Readers of the waves; 0: measure planning and freezing only
    #[arg(long, default_value_t = 1_000_000)]
    pub readers: u64,
    /// Show the plans of slow queries
    #[arg(long)]
    pub explain: bool,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}
