//! Prints records as aligned columns for people, or as JSON for programs.

use super::{
    CliError, CliResult,
    print::{to_stderr, visible},
};
use crate::domain::newsletter::Newsletter;
use jiff::Timestamp;
use std::{fmt::Write as _, io::IsTerminal as _};

#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// JSON instead of columns.
    pub json: bool,
}

impl Output {
    /// Prints records as one JSON list, or as rows below `titles`.
    pub fn records<T: serde::Serialize>(
        self,
        records: &[T],
        titles: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), serde_json::Error> {
        if self.json {
            outln!("{}", serde_json::to_string_pretty(records)?);
        } else {
            out!("{}", table(titles, &records.iter().map(row).collect::<Vec<_>>()));
        }
        Ok(())
    }

    /// Prints a record as a JSON object, or as these lines.
    pub fn record<T: serde::Serialize>(
        self,
        record: &T,
        lines: impl FnOnce() -> String,
    ) -> Result<(), serde_json::Error> {
        if self.json {
            outln!("{}", serde_json::to_string_pretty(record)?);
        } else {
            outln!("{}", lines().trim_end());
        }
        Ok(())
    }
}

/// Formats rows below titles, each column as wide as its widest cell. Control characters become blanks.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let mut lines = vec![titles.iter().map(|title| title.to_uppercase()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| row.iter().map(|cell| strip_controls(cell)).collect()));
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Replaces control characters, so that text from outside can't drive the terminal. Those that change the direction
/// of text become visible.
fn strip_controls(text: &str) -> String {
    visible(&text.replace(char::is_control, " ")).into_owned()
}

/// Formats named values, one per line. Skips `None`.
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

/// Formats a time in a newsletter's time zone, to the minute.
pub fn local_time(at: Timestamp, newsletter: &Newsletter) -> String {
    at.to_zoned(newsletter.time_zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Formats a time in UTC, to the second; `-` for none.
pub fn utc_time(at: Option<impl Into<Timestamp>>) -> String {
    at.map_or_else(|| "-".into(), |at| at.into().strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// Returns whether a person is watching the command's progress.
pub fn on_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether a person can be asked.
pub fn interactive() -> bool {
    on_terminal() && std::io::stdin().is_terminal()
}

/// Asks for confirmation before something irreversible. Fails without a terminal, and explains with
/// `how_without` how to confirm.
pub fn confirm(question: &str, how_without: &str, refused: &str) -> CliResult {
    if !interactive() {
        return Err(CliError::Usage(how_without.into()));
    }
    to_stderr(format_args!("{question} [y/N] "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::Failed(refused.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_do_not_reach_the_terminal() {
        let rows = vec![vec!["1".into(), "Zoë\u{1b}[31m".into()], vec!["20".into(), "x".into()]];
        assert_eq!(table(&["id", "name"], &rows), "ID  NAME\n1   Zoë [31m\n20  x\n");
    }
}
