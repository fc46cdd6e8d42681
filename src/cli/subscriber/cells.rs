//! Cells of CSV files that people open with spreadsheets.

/// A cell that a spreadsheet would run as a formula, with a mark before it that keeps it from that. The importer takes the mark
/// away again.
pub(super) fn guarded(cell: &str) -> String {
    if cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn nothing_begins_like_a_formula() {
        assert_eq!(guarded("=cmd@example.org"), "'=cmd@example.org");
        assert_eq!(guarded("'=cmd@example.org"), "''=cmd@example.org");
        assert_eq!(guarded("ann@example.org"), "ann@example.org");
        assert_eq!(guarded("'ann@example.org"), "'ann@example.org");
    }
}
