//! Tables in Markdown, and numbers for people.

use clap::ValueEnum;
use std::fmt;

/// Rows of cells. Short rows have empty cells at the end.
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// Creates a table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self(vec![headings.iter().map(|it| (*it).to_owned()).collect()])
    }

    pub fn row(&mut self, cells: &[&str]) {
        self.0.push(cells.iter().map(|it| (*it).to_owned()).collect());
    }

    /// Returns the latest row on one line.
    pub fn last(&self) -> String {
        self.0.last().map(|cells| cells.join("  ")).unwrap_or_default()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        // A short row that ends in a remark must not widen the remark's column.
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let rows = self.0.iter().filter(|row| row.len() == columns || column + 1 < row.len());
                rows.map(|row| cell(row, column).chars().count()).max().unwrap_or_default()
            })
            .collect();
        for (index, row) in self.0.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                write!(f, "| {:width$} ", cell(row, column))?;
            }
            writeln!(f, "|")?;
            if index == 0 {
                for width in &widths {
                    write!(f, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Formats a number with separators between thousands.
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

pub fn milliseconds(number: f64) -> String {
    if number >= 10_000.0 { format!("{:.1} s", number / 1000.0) } else { format!("{number:.0} ms") }
}

/// Returns a value as it is written on the command line.
pub fn cli_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default()
}
