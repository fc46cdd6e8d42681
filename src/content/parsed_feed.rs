//! The result of parsing a feed in any format, and the rules that all formats share.

use std::time::Duration;

use url::Url;

use crate::{
    content::markup,
    domain::content::{
        article::{FoundArticle, MAX_DEK_CHARS, one_line, title_key},
        feed_notes::{FeedNotes, MAX_REASONS},
    },
};

/// Most entries that are read of a feed: the newest. Without a limit, a feed with a whole archive would slow
/// every poll.
pub const MAX_ENTRIES: usize = 2_000;

/// Longest headline that is made from the first words of a text, in characters.
const FIRST_WORDS_CHARS: usize = 110;
/// Shortest sentence, in characters. Anything shorter is an abbreviation or says too little.
const SHORT_SENTENCE_CHARS: usize = 20;

/// A parsed feed.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedFeed {
    /// The feed's title, or the site's host if it has none.
    pub title: String,
    /// The feed's site.
    pub site_url: Option<Url>,
    /// The feed's language tag.
    pub language: Option<String>,
    /// Minimum time between fetches that the feed asks for (`ttl`, or `sy:updatePeriod` and
    /// `sy:updateFrequency`).
    pub ttl: Option<Duration>,
    /// Entries with a title and a link, in the feed's order.
    pub articles: Vec<FoundArticle>,
    /// Reason for each skipped entry, one sentence each.
    pub skipped: Vec<String>,
    /// Number of entries with dates that could not be parsed.
    pub unreadable_dates: usize,
    /// One of these dates.
    pub unreadable_date: Option<String>,
    /// Faults in the document that were repaired.
    pub repairs: Option<Repairs>,
}

/// Repairs to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repairs {
    /// Number of faults that were counted.
    pub count: usize,
    /// Line of the first fault, from 1, in the publisher's document.
    pub line: usize,
    /// Column of the first fault, in characters from 1.
    pub column: usize,
    /// Description of the first fault.
    pub problem: String,
}

impl ParsedFeed {
    /// Returns the problems to show to operators.
    pub fn notes(&self) -> FeedNotes {
        FeedNotes {
            entries: self.articles.len() + self.skipped.len(),
            left_out: self.skipped.len(),
            reasons: self.skipped.iter().take(MAX_REASONS).cloned().collect(),
            unreadable_dates: self.unreadable_dates,
            unreadable_date: self.unreadable_date.clone(),
            mended: self.repairs.as_ref().map(ToString::to_string),
        }
    }
}

impl std::fmt::Display for Repairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.problem)?;
        match self.count.saturating_sub(1) {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

/// The reason why a document is not a feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Only white space.
    #[error("the document is empty; check the address in a browser")]
    Empty,
    /// A web page.
    #[error("this is a web page, not a feed; {}", offered(.feeds))]
    HtmlPage {
        /// The feeds that the page offers.
        feeds: Vec<Url>,
    },
    #[error(
        "the feed is not well-formed XML: line {line}, column {column}: {problem}; the site has to mend this"
    )]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        problem: String,
    },
    /// Invalid JSON, or JSON that is not a JSON Feed.
    #[error(
        "the feed is not a JSON Feed: line {line}, column {column}: {problem}; the site has to mend this"
    )]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        problem: String,
    },
    /// Any other document.
    #[error("this is not a feed but {found}; give the address of an RSS, Atom or JSON feed")]
    NotAFeed {
        /// The detected kind.
        found: String,
    },
    /// A feed whose entries can't be articles.
    #[error("none of the feed's {count} entries is understood: {}; the site has to mend this", few(.reasons))]
    NothingUnderstood {
        /// Number of entries.
        count: usize,
        /// Reason for each skipped entry.
        reasons: Vec<String>,
    },
    /// A document that takes too much work, which only a hostile one does.
    #[error("reading the feed takes too much work; no other feed reader will like it either")]
    TooMuchWork,
}

/// Joins the first few reasons.
fn few(reasons: &[String]) -> String {
    let more = reasons.len().saturating_sub(2);
    let few = reasons.iter().take(2).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{few}; and {more} more") } else { few }
}

fn offered(feeds: &[Url]) -> String {
    if feeds.is_empty() {
        return "it names no feed of its own; look for one on the site".to_owned();
    }
    let feeds: Vec<&str> = feeds.iter().map(Url::as_str).collect();
    format!("it offers {}; add that instead", feeds.join(" and "))
}

/// Derives the dek and the text from an entry's content and summary, each with whether it is plain text. A
/// summary too long for a dek becomes the text.
pub(crate) fn dek_and_text(
    body: Option<(&str, bool)>,
    summary: Option<(&str, bool)>,
) -> (Option<String>, Option<String>) {
    let closes = |text: &str| ["</p>", "</a>", "</div>", "</li>", "<br"].iter().any(|tag| text.contains(tag));
    let read = |(text, plain): (&str, bool)| {
        // "Plain" text with closing tags is mislabelled HTML …
        if plain && !closes(text) {
            return some(without_footer(text.to_owned()));
        }
        let mut read = markup::mended(markup::to_paragraphs(text));
        // … and HTML without tags, whose decoded text has tags, was escaped twice.
        if !text.contains('<') && closes(&read) {
            read = markup::to_paragraphs(&read);
        }
        some(without_footer(read))
    };
    let (body, summary) = (body.and_then(read), summary.and_then(read));
    let dek = summary.clone().filter(|summary| summary.chars().count() <= MAX_DEK_CHARS || body.is_some());
    // If the summary is too long for a dek, its first paragraph is the dek.
    let dek = dek.or_else(|| summary.as_deref().and_then(first_paragraph));
    let text = body.or(summary);
    let dek = dek.or_else(|| text.as_deref().and_then(first_paragraph));
    (dek, text)
}

/// Derives the title and the dek of an entry. Without a title, the first words of the text become the title,
/// and the dek continues after them.
pub(crate) fn title_and_dek(
    title: Option<String>,
    dek: Option<String>,
    text: Option<&str>,
) -> Option<(String, Option<String>)> {
    if let Some(title) = title {
        return Some((title, dek));
    }
    let title = first_words(text.or(dek.as_deref())?)?;
    let behind = |dek: String| {
        let rest = dek.strip_prefix(title.as_str()).unwrap_or_default();
        some(rest.trim_start_matches(|c: char| c.is_whitespace() || c == '.').to_owned())
    };
    let is_repeated = dek.as_deref().is_some_and(|dek| title_key(dek).starts_with(&title_key(&title)));
    let dek = if is_repeated { dek.and_then(behind) } else { dek };
    Some((title, dek))
}

/// Returns the first informative paragraph, for use as a dek.
fn first_paragraph(text: &str) -> Option<String> {
    text.split("\n\n")
        .find(|part| part.contains(' '))
        .or_else(|| text.split("\n\n").next())
        .map(str::to_owned)
        .and_then(some)
}

/// Returns the first words of a text as a headline: the first sentence, if it is short enough.
fn first_words(text: &str) -> Option<String> {
    let line = one_line(text.split("\n\n").find(|part| !part.trim().is_empty())?, FIRST_WORDS_CHARS * 10);
    let ends = line.match_indices(['.', '!', '?', '。', '！', '？']).map(|(at, mark)| at + mark.len());
    let is_end = |end: &usize| {
        line[*end..].chars().next().is_none_or(char::is_whitespace)
            || line[..*end].ends_with(['。', '！', '？'])
    };
    let sentence =
        ends.filter(is_end).map(|end| &line[..end]).find(|it| it.chars().count() >= SHORT_SENTENCE_CHARS);
    match sentence {
        Some(sentence) if sentence.chars().count() <= FIRST_WORDS_CHARS => {
            some(sentence.trim_end_matches('.').to_owned())
        }
        _ => some(one_line(&line, FIRST_WORDS_CHARS)),
    }
}

/// Removes the line that blog software adds to every entry ("The post … appeared first on …", "Continue
/// reading →").
fn without_footer(text: String) -> String {
    let mut kept = text.trim();
    if let Some(at) = kept.rfind("The post ").filter(|at| kept[*at..].contains(" appeared first on ")) {
        kept = kept[..at].trim_end();
    }
    for more in [
        "Continue reading →",
        "Continue reading",
        "Read more →",
        "Read more »",
        "Read more",
        "Read More",
        "(more…)",
    ] {
        kept = kept.strip_suffix(more).unwrap_or(kept).trim_end();
    }
    match kept.strip_suffix("[…]").or_else(|| kept.strip_suffix("[...]")) {
        Some(cut) => format!("{}…", cut.trim_end()),
        None => kept.to_owned(),
    }
}

pub(crate) fn some(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// Keeps the newest [`MAX_ENTRIES`], in their order. Entries without a date count as older than entries with
/// one, and later entries as older than earlier ones.
pub(crate) fn keep_newest(articles: &mut Vec<FoundArticle>, skipped: &mut Vec<String>) {
    let Some(surplus) = articles.len().checked_sub(MAX_ENTRIES).filter(|surplus| *surplus > 0) else {
        return;
    };
    let mut by_age: Vec<usize> = (0..articles.len()).collect();
    by_age.sort_by_key(|at| std::cmp::Reverse(articles[*at].published_at));
    let dropped: std::collections::HashSet<usize> = by_age.split_off(MAX_ENTRIES).into_iter().collect();
    let mut at = 0;
    articles.retain(|_| {
        at += 1;
        !dropped.contains(&(at - 1))
    });
    skipped.push(format!("the {surplus} oldest entries: at most {MAX_ENTRIES} are read"));
}
