//! Parses feeds into articles: RSS 0.9x, 1.0 and 2.0, Atom and JSON Feed, including malformed ones.

use crate::{
    content::{
        budget::Budget,
        charset,
        feed_element::Space,
        feed_entry::{self, Link, Shared},
        feed_tree::{self, Tree},
        json_feed, markup, nesting,
        parsed_feed::{FeedError, ParsedFeed, Repairs, keep_newest, some},
        xml_events::line_and_column,
    },
    domain::content::article::{MAX_TITLE_CHARS, one_line},
};
use dom_query::Document;
use std::time::Duration;
use url::Url;

const FEED_TYPES: &[&str] =
    &["application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"];
/// Tags that begin a feed.
const FEED_TAGS: &[&str] = &["<rss", "<feed", "<rdf:rdf", "<channel", "<atom:feed"];

/// Parses a feed. `base` is the URL it was fetched from. Relative links resolve against that URL, the feed's
/// site, or its own `xml:base`.
pub fn parse_feed(
    body: &[u8],
    content_type: Option<&str>,
    base: Option<&Url>,
) -> Result<ParsedFeed, FeedError> {
    parse_within(body, content_type, base, &Budget::for_bytes(body.len()))
}

fn parse_within(
    body: &[u8],
    content_type: Option<&str>,
    base: Option<&Url>,
    budget: &Budget,
) -> Result<ParsedFeed, FeedError> {
    let decoded = charset::decode(body, content_type);
    // Byte order marks, and white space before an XML declaration, are common.
    let text = decoded.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    let json = json_behind_junk(text);
    let text = json.as_deref().unwrap_or(text);
    let parsed = match text.trim_start().chars().next() {
        None => Err(FeedError::Empty),
        Some('{') => json_feed::parse(text, base),
        Some('[') => Err(FeedError::NotAFeed { found: "a JSON list".to_owned() }),
        _ if is_html(text) => match parse_xml(&decoded, base, budget) {
            // An error message printed before the feed may be a whole page.
            Ok(feed) if contains_feed_tag(text) && !feed.articles.is_empty() => Ok(feed),
            Err(FeedError::TooMuchWork) => Err(FeedError::TooMuchWork),
            _ => Err(FeedError::HtmlPage { feeds: offered_feeds(text, base) }),
        },
        Some(first) if first == '<' || contains_feed_tag(text) => parse_xml(&decoded, base, budget),
        Some(_) => Err(FeedError::NotAFeed { found: "plain text or a file of another kind".to_owned() }),
    };
    parsed.map(|mut feed| {
        feed.title = one_line(&feed.title, MAX_TITLE_CHARS);
        if feed.title.is_empty() {
            let host = feed.site_url.as_ref().or(base).and_then(Url::host_str);
            host.unwrap_or("untitled feed").clone_into(&mut feed.title);
        }
        feed
    })
}

/// Returns a JSON Feed behind a comment, a warning or the name of a function, which become spaces to keep
/// positions.
fn json_behind_junk(text: &str) -> Option<String> {
    let is_json = !text.starts_with(['{', '<', '[']) && text.contains("jsonfeed.org/version");
    let at = text.find('{').filter(|_| is_json && !contains_feed_tag(text))?;
    let blank = text[..at].chars().map(|c| if c == '\n' { c } else { ' ' });
    Some(blank.chain(text[at..].chars()).collect())
}

fn contains_feed_tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        FEED_TAGS
            .iter()
            .any(|tag| text[at..].get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag)))
    })
}

fn is_html(text: &str) -> bool {
    let head = text[..text.floor_char_boundary(8_000)].to_ascii_lowercase();
    let first = |tags: &[&str]| tags.iter().filter_map(|tag| head.find(tag)).min();
    let html = first(&["<!doctype html", "<html", "<head>", "<body"]);
    html.is_some_and(|html| first(FEED_TAGS).is_none_or(|feed| html < feed))
}

/// Returns the feeds that a page names in its head (`<link rel="alternate" type="application/rss+xml">`).
pub fn offered_feeds(html: &str, base: Option<&Url>) -> Vec<Url> {
    let page = Document::from(nesting::bounded(html).as_ref());
    let own_base = page.select("base[href]").nodes().first().and_then(|node| node.attr("href"));
    let own_base = own_base.and_then(|href| markup::web_address(&href, base));
    let base = own_base.as_ref().or(base);
    let mut feeds = Vec::new();
    for link in page.select("link[href][rel]").nodes() {
        let (rel, kind) = (link.attr_or("rel", ""), link.attr_or("type", ""));
        let is_feed = FEED_TYPES.iter().any(|known| kind.trim().to_ascii_lowercase().starts_with(known));
        let is_alternate = rel.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("alternate"));
        if is_feed
            && is_alternate
            && let Some(url) = markup::web_address(&link.attr_or("href", ""), base)
            && !feeds.contains(&url)
        {
            feeds.push(url);
        }
    }
    feeds
}

fn parse_xml(text: &str, base: Option<&Url>, budget: &Budget) -> Result<ParsedFeed, FeedError> {
    let tree = feed_tree::read(text, budget).map_err(|_| FeedError::TooMuchWork)?;
    if !matches!(tree.root.as_str(), "rss" | "rdf" | "feed" | "channel" | "item" | "entry") {
        return Err(match tree.root.as_str() {
            "" => FeedError::NotAFeed { found: "a text without a single element".to_owned() },
            root => FeedError::NotAFeed { found: format!("an XML document of kind <{root}>") },
        });
    }
    let feed = convert(&tree, text, base, budget)?;
    match (&feed.repairs, feed.articles.is_empty()) {
        (_, true) if !feed.skipped.is_empty() => {
            Err(FeedError::NothingUnderstood { count: tree.entries.len(), reasons: feed.skipped })
        }
        (Some(Repairs { line, column, problem, .. }), true) => {
            Err(FeedError::Malformed { line: *line, column: *column, problem: problem.clone() })
        }
        _ => Ok(feed),
    }
}

fn convert(
    tree: &Tree<'_>,
    text: &str,
    base: Option<&Url>,
    budget: &Budget,
) -> Result<ParsedFeed, FeedError> {
    let feed = &tree.feed;
    let own_base = feed.attribute("xml:base").and_then(|own| markup::web_address(own, base));
    let fetched_from = own_base.as_ref().or(base);
    let links: Vec<Link<'_>> = feed.all(Space::Core, "link").filter_map(Link::of).collect();
    let is_site = |link: &&Link<'_>| link.rel == "alternate" && link.is_html();
    let site_url = links.iter().filter(is_site).find_map(|link| markup::web_address(link.href, fetched_from));
    // RSS links are relative to the site, Atom links to the feed.
    let is_atom = tree.root == "feed" || tree.root == "entry";
    let link_base = if is_atom {
        fetched_from.or(site_url.as_ref())
    } else {
        own_base.as_ref().or(site_url.as_ref()).or(base)
    };
    let language = feed.text_of(Space::Core, "language").or_else(|| feed.text_of(Space::Dublin, "language"));
    let language =
        language.or_else(|| feed.attribute("xml:lang")).and_then(|tag| some(markup::collapse(tag)));
    let authors = feed_entry::authors(feed);
    let shared = Shared { base: link_base, language: language.as_deref(), authors: authors.as_deref() };
    let (mut articles, mut skipped, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for (at, entry) in tree.entries.iter().enumerate() {
        budget.take(entry.text.len() + 1).map_err(|_| FeedError::TooMuchWork)?;
        match feed_entry::read(entry, shared) {
            Ok(read) => {
                articles.push(read.article);
                unreadable.extend(read.unreadable_date);
            }
            Err(why) => skipped.push(format!("entry {} {}: {why}", at + 1, feed_entry::name(entry))),
        }
    }
    keep_newest(&mut articles, &mut skipped);
    let mut titles = feed.all(Space::Core, "title").chain(feed.all(Space::Dublin, "title"));
    Ok(ParsedFeed {
        title: titles.find_map(feed_entry::line).unwrap_or_default(),
        site_url,
        language,
        ttl: ttl(tree),
        articles,
        skipped,
        unreadable_dates: unreadable.len(),
        unreadable_date: unreadable.into_iter().next(),
        repairs: tree.faults.first().map(|first| {
            let (line, column) = line_and_column(text, first.at);
            Repairs { count: tree.faults.len(), line, column, problem: first.problem.clone() }
        }),
    })
}

/// Returns the minimum time between reads that a feed asks for: its `ttl`, or its update frequency (RSS 1.0's
/// syndication module, which blogs use in RSS 2.0).
fn ttl(tree: &Tree<'_>) -> Option<Duration> {
    let feed = &tree.feed;
    let minutes = feed.text_of(Space::Core, "ttl").and_then(|minutes| minutes.parse::<u32>().ok());
    let period = feed.text_of(Space::Syndication, "updateperiod").map(str::to_ascii_lowercase);
    let hours = match period.as_deref() {
        Some("hourly") => Some(1),
        Some("daily") => Some(24),
        Some("weekly") => Some(24 * 7),
        Some("monthly") => Some(24 * 30),
        Some("yearly") => Some(24 * 365),
        _ => None,
    };
    let times = feed.text_of(Space::Syndication, "updatefrequency").and_then(|times| times.parse().ok());
    let times = times.filter(|times| *times > 0_u32).unwrap_or(1);
    let updated = hours.map(|hours| Duration::from_hours(hours) / times);
    minutes.map(|minutes| Duration::from_mins(u64::from(minutes))).max(updated)
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "feed_fault_tests.rs"]
mod fault_tests;
