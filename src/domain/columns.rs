//! Plain text for people: rows in columns that line up, and times.

use jiff::Timestamp;

/// Rows below titles, each column as wide as its widest cell. Control characters become blanks.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let mut lines = vec![titles.iter().map(|title| title.to_uppercase()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()));
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

/// A moment in UTC, to the second, or `-` for none.
pub fn moment(at: Option<impl Into<Timestamp>>) -> String {
    at.map_or_else(|| "-".into(), |at| at.into().strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// Replaces control characters, so that text from outside can't steer a terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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
