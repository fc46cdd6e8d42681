//! What commands print: aligned columns for people, JSON for programs.

use super::{CliError, CliResult};
pub use crate::domain::columns::{moment, table};
use crate::domain::newsletter::Newsletter;
use jiff::Timestamp;
use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Write as _},
};

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// JSON instead of columns.
    pub json: bool,
}

impl Output {
    /// Prints records: as one JSON list, or as rows below `titles`.
    pub fn records<T: serde::Serialize>(
        self,
        records: &[T],
        titles: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), serde_json::Error> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(records)?);
        } else {
            print!("{}", table(titles, &records.iter().map(row).collect::<Vec<_>>()));
        }
        Ok(())
    }

    /// Prints one record: as a JSON object, or as the lines given.
    pub fn record<T: serde::Serialize>(
        self,
        record: &T,
        lines: impl FnOnce() -> String,
    ) -> Result<(), serde_json::Error> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(record)?);
        } else {
            println!("{}", lines().trim_end());
        }
        Ok(())
    }
}

/// Named values below each other. Those that are `None` are left out.
pub fn fields(fields: &[(&str, Option<String>)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:width$}  {value}");
        }
    }
    text
}

/// A moment on a newsletter's clock, to the minute.
pub fn local_time(at: Timestamp, newsletter: &Newsletter) -> String {
    at.to_zoned(newsletter.time_zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Whether a person watches the progress of a command.
pub fn on_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Asks before something that can't be taken back. Without a terminal nobody can be asked: `how_without` says what to do then.
pub fn ask(question: &str, how_without: &str, refused: &str) -> CliResult {
    if !on_terminal() || !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(how_without.into()));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::Failed(refused.into())),
    }
}
