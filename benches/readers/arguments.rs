//! The benchmark's command line.

use crate::support::{installation::Dkim, sinks::Internal};
use clap::{Parser, ValueEnum};

/// Measure how fast signups are accepted and confirmations handed over, and how fast readers unsubscribe
#[derive(Debug, Parser)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Internal>,
    /// Use PostgreSQL instead of SQLite
    #[arg(long)]
    pub postgres: bool,
    /// Requests per measurement
    #[arg(long, default_value_t = 30_000)]
    pub requests: usize,
    /// Number of concurrent connections of clients
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Connections to the relay
    #[arg(long, default_value_t = 32)]
    pub relay_connections: u64,
    /// DKIM signatures of confirmations
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Dkim::None, Dkim::Ed25519])]
    pub dkim: Vec<Dkim>,
    /// Signups per second of the steady part
    #[arg(long, default_value_t = 500)]
    pub pace: usize,
    /// Readers of the issue that goes out meanwhile
    #[arg(long, default_value_t = 200_000)]
    pub readers: u64,
    /// Parts to run
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Accept, Part::HandOver, Part::Steady, Part::Unsubscribe])]
    pub only: Vec<Part>,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Signups committed by a process that only serves pages
    Accept,
    /// Signups until smtp-sink has every confirmation
    HandOver,
    /// Time from accepted to handed over at a steady pace, alone and while an issue goes out
    Steady,
    /// Unsubscribe requests (RFC 8058)
    Unsubscribe,
}
