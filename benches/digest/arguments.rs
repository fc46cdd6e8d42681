//! The benchmark's command line.

use clap::Parser;

/// How long a digest takes: planning, freezing, and the waves of very many readers, on a real database
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
    /// On SQLite, which is what happens without either
    #[arg(long)]
    pub sqlite: bool,
    /// On PostgreSQL
    #[arg(long)]
    pub postgres: bool,
    /// Articles of the last eight days
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1000..))]
    pub articles: u64,
    /// Feeds that bring them
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub feeds: u64,
    /// Readers of the waves; 0: planning and freezing only
    #[arg(long, default_value_t = 1_000_000)]
    pub readers: u64,
    /// Shows how the database answers the slow queries
    #[arg(long)]
    pub explain: bool,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}
