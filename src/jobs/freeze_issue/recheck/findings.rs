//! Findings about the pages of an issue's stories, for operators.

use crate::domain::content::article::one_line;
use std::fmt::Write as _;

/// Most stories that are named for one reason.
const MAX_NAMED: usize = 3;
/// Longest headline that is told, in characters.
const MAX_TITLE_CHARS: usize = 80;

/// A reason to tell operators about a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The story was left out, because its page is gone.
    Gone,
    /// The story was left out, because its page redirects to another story.
    MovedToAnother,
    /// The story is in the issue as it was stored, because its page is not provably the article.
    Doubtful(String),
}

/// Findings with the stories' headlines, in the order they came up.
#[derive(Debug, Default)]
pub struct Findings(Vec<(Finding, Vec<String>)>);

impl Findings {
    pub fn add(&mut self, finding: Finding, title: &str) {
        tracing::warn!(title, ?finding, "the page of a story raises doubts");
        match self.0.iter_mut().find(|(known, _)| *known == finding) {
            Some((_, titles)) => titles.push(title.to_owned()),
            None => self.0.push((finding, vec![title.to_owned()])),
        }
    }

    /// Describes the findings for the history. `None` if there are none.
    pub fn summary(&self) -> Option<String> {
        let sentences: Vec<String> =
            self.0.iter().map(|(finding, titles)| sentence(finding, titles)).collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }
}

fn sentence(finding: &Finding, titles: &[String]) -> String {
    let named: Vec<String> = titles
        .iter()
        .take(MAX_NAMED)
        .map(|title| format!("“{}”", one_line(title, MAX_TITLE_CHARS)))
        .collect();
    let mut stories = named.join(", ");
    if let more @ 1.. = titles.len().saturating_sub(MAX_NAMED) {
        let _ = write!(stories, " and {more} more");
    }
    match finding {
        Finding::Gone => format!("left out, because the page is gone: {stories}"),
        Finding::MovedToAnother => {
            format!("left out, because the page redirects to another story: {stories}")
        }
        Finding::Doubtful(why) => format!("sent as stored, because {why}: {stories}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_are_grouped_by_reason_and_named_up_to_a_limit() {
        let mut findings = Findings::default();
        assert_eq!(findings.summary(), None);
        for title in ["A", "B", "C", "D", "E"] {
            findings.add(Finding::Doubtful("its URL shows another page: “Just a moment…”".into()), title);
        }
        findings.add(Finding::Gone, "F");
        assert_eq!(
            findings.summary().as_deref(),
            Some(
                "sent as stored, because its URL shows another page: “Just a moment…”: “A”, “B”, “C” and 2 more; \
                 left out, because the page is gone: “F”"
            )
        );
    }
}
