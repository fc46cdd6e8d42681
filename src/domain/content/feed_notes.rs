//! What is odd about a feed that was read all the same, for the operators who chose it.

use serde::{Deserialize, Serialize};

/// Reasons that are kept. More are counted.
pub const MAX_REASONS: usize = 20;

/// What the last reading of a feed found odd.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedNotes {
    /// How many entries it has, those left out included.
    pub entries: usize,
    /// How many are left out.
    pub left_out: usize,
    /// Why, one sentence for each of the first of these.
    pub reasons: Vec<String>,
    /// How many entries have dates of which none was understood.
    pub unreadable_dates: usize,
    /// One of these dates.
    pub unreadable_date: Option<String>,
    /// The first fault of the document, with its place, and how many more there are.
    pub mended: Option<String>,
}

impl FeedNotes {
    /// Whether most entries have dates that are not understood, so that they never count as new.
    pub const fn is_undated(&self) -> bool {
        self.unreadable_dates > 0 && self.unreadable_dates * 2 > self.entries
    }

    /// The notes in lines of a label and a text each; none where nothing is odd.
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
