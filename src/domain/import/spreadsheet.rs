//! Cells of CSV files that people open in spreadsheets.

/// Prefixes a cell that a spreadsheet would run as a formula. The importer removes the prefix.
pub fn escape_formula(cell: &str) -> String {
    if cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::escape_formula;

    #[test]
    fn nothing_begins_like_a_formula() {
        assert_eq!(escape_formula("=cmd@example.org"), "'=cmd@example.org");
        assert_eq!(escape_formula("'=cmd@example.org"), "''=cmd@example.org");
        assert_eq!(escape_formula("ann@example.org"), "ann@example.org");
        assert_eq!(escape_formula("'ann@example.org"), "'ann@example.org");
    }
}
