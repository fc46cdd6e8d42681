//! What reading a feed comes to, whatever its format, and the rules that all formats share.

use std::time::Duration;

use url::Url;

use crate::{
    content::markup,
    domain::content::article::{FoundArticle, MAX_DEK_CHARS},
};

/// How many entries of a feed are read: the newest. A feed that holds a whole archive would else fill every poll.
pub const MAX_ENTRIES: usize = 2_000;

/// What a feed says.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedFeed {
    /// The feed's title; the site's host where it has none.
    pub title: String,
    /// The site the feed belongs to.
    pub site_url: Option<Url>,
    /// The feed's language tag.
    pub language: Option<String>,
    /// How long the feed asks not to be fetched again (`ttl`, or `sy:updatePeriod` and `sy:updateFrequency`).
    pub ttl: Option<Duration>,
    /// The entries with a title and a link, in the feed's order.
    pub articles: Vec<FoundArticle>,
    /// Entries left out and the reason, one sentence each.
    pub skipped: Vec<String>,
}

/// Why a document is not read as a feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Nothing but white space.
    #[error("the document is empty; check the address in a browser")]
    Empty,
    /// A web page. The addresses are those of the feeds it names.
    #[error("this is a web page, not a feed; {}", offered(.feeds))]
    HtmlPage {
        /// The feeds the page offers.
        feeds: Vec<Url>,
    },
    /// XML that is not well-formed.
    #[error(
        "the feed is not well-formed XML: line {line}, column {column}: {problem}; the site has to mend this"
    )]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The problem.
        problem: String,
    },
    /// JSON that is none, or no JSON Feed.
    #[error(
        "the feed is not a JSON Feed: line {line}, column {column}: {problem}; the site has to mend this"
    )]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The problem.
        problem: String,
    },
    /// Something else, well-formed or not.
    #[error("this is not a feed but {found}; give the address of an RSS, Atom or JSON feed")]
    NotAFeed {
        /// What it seems to be.
        found: String,
    },
    /// Well-formed, yet the feed parser cannot read it.
    #[error("the feed cannot be read: {reason}; the site has to mend this")]
    Unreadable {
        /// What the parser said.
        reason: String,
    },
}

fn offered(feeds: &[Url]) -> String {
    if feeds.is_empty() {
        return "it names no feed of its own; look for one on the site".to_owned();
    }
    let feeds: Vec<&str> = feeds.iter().map(Url::as_str).collect();
    format!("it offers {}; add that instead", feeds.join(" and "))
}

/// The dek and the text that an entry's content and summary (each with whether it is plain text) make. A summary too
/// long for a dek is the text itself.
pub(crate) fn dek_and_text(
    body: Option<(&str, bool)>,
    summary: Option<(&str, bool)>,
) -> (Option<String>, Option<String>) {
    let closes = |text: &str| ["</p>", "</a>", "</div>", "</li>", "<br"].iter().any(|tag| text.contains(tag));
    let read = |(text, plain): (&str, bool)| {
        // "Plain" text that closes elements is HTML by mistake …
        if plain && !closes(text) {
            return some(without_footer(text.to_owned()));
        }
        let mut read = markup::mended(markup::to_paragraphs(text));
        // … and HTML without a single element, whose text has some, was escaped twice.
        if !text.contains('<') && closes(&read) {
            read = markup::to_paragraphs(&read);
        }
        some(without_footer(read))
    };
    let (body, summary) = (body.and_then(read), summary.and_then(read));
    let dek = summary.clone().filter(|summary| summary.chars().count() <= MAX_DEK_CHARS || body.is_some());
    let dek = dek.or_else(|| {
        summary
            .as_ref()
            .and_then(|text| text.split("\n\n").find(|part| part.contains(' ')).map(str::to_owned))
    });
    (dek, body.or(summary))
}

/// Without the line that blog software adds to every entry ("The post … appeared first on …", "Continue reading →").
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

/// Leaves the newest [`MAX_ENTRIES`], in their order. What has no date counts as older than what has one, and later
/// entries as older than earlier ones.
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
