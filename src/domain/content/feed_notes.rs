//! Problems of a feed that was read nevertheless, for the operators who added it.

use serde::{Deserialize, Serialize};

/// Most reasons that are kept. Further ones are only counted.
pub const MAX_REASONS: usize = 20;

/// Problems found when the feed was last read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedNotes {
    /// Number of entries, including skipped ones.
    pub entries: usize,
    /// Number of skipped entries.
    pub left_out: usize,
    /// Reasons for the first skipped entries, one sentence each.
    pub reasons: Vec<String>,
    /// Number of entries with dates that could not be parsed.
    pub unreadable_dates: usize,
    /// One of these dates.
    pub unreadable_date: Option<String>,
    /// The document's first fault with its position, and the number of further ones.
    pub mended: Option<String>,
}

impl FeedNotes {
    /// Returns whether most entries have unreadable dates, so that they never count as new.
    pub const fn is_undated(&self) -> bool {
        self.unreadable_dates > 0 && self.unreadable_dates * 2 > self.entries
    }

    /// Returns the notes as pairs of label and text. Empty if there are no problems.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines: Vec<(&str, String)> =
            self.reasons.iter().map(|reason| ("left out", reason.clone())).collect();
        if self.left_out > self.reasons.len() {
            lines.push(("left out", format!("{} more", self.left_out - self.reasons.len())));
        }
        if self.unreadable_dates > 0 {
            let sample = self.unreadable_date.as_deref().unwrap_or_default();
            let text = format!("{} of {}, such as “{sample}”", self.unreadable_dates, self.entries);
            lines.push(("dates not understood", text));
        }
        lines.extend(self.mended.clone().map(|mended| ("read despite", mended)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_become_lines() {
        assert_eq!(FeedNotes { entries: 3, ..FeedNotes::default() }.lines(), []);
        let notes = FeedNotes {
            entries: 4,
            left_out: 2,
            reasons: vec!["entry 1: it has no link".into()],
            unreadable_dates: 3,
            unreadable_date: Some("soon".into()),
            mended: Some("line 2, column 5: <br> is not closed".into()),
        };
        let lines: Vec<String> =
            notes.lines().iter().map(|(label, text)| format!("{label}: {text}")).collect();
        assert_eq!(
            lines,
            [
                "left out: entry 1: it has no link",
                "left out: 1 more",
                "dates not understood: 3 of 4, such as “soon”",
                "read despite: line 2, column 5: <br> is not closed"
            ]
        );
        assert!(notes.is_undated() && !FeedNotes::default().is_undated());
    }
}
