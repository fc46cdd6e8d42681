//! Logging. Logs go to standard error, because standard output belongs to the commands.

use crate::settings::{Log, LogFormat};
use std::io::IsTerminal as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging. Later calls have no effect.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Without a reader of the log, an error about it could only panic.
    let builder = fmt().log_internal_errors(false);
    let builder = builder
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
