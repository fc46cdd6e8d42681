//! A feed's bytes to articles: RSS 0.9x, 1.0 and 2.0, Atom, JSON Feed.

use std::time::{Duration, SystemTime};

use dom_query::Document;
use feed_rs::model::{Entry, Feed, FeedType, Link, Text};
use jiff::Timestamp;
use url::Url;

use crate::{
    content::{
        charset, dates, entry_picture, json_feed, markup, nesting,
        parsed_feed::{FeedError, ParsedFeed, dek_and_text, keep_newest, some},
        xml_check,
    },
    domain::content::article::FoundArticle,
};

const FEED_TYPES: &[&str] =
    &["application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"];

/// What blog software files an entry under when nobody chose a category.
const NO_SECTIONS: &[&str] = &["uncategorized", "uncategorised", "allgemein", "non classé", "sin categoría"];

/// Reads a feed. `base` is where it was fetched from: relative links are relative to that, or to the feed's own
/// `xml:base`.
pub fn parse_feed(
    body: &[u8],
    content_type: Option<&str>,
    base: Option<&Url>,
) -> Result<ParsedFeed, FeedError> {
    let text = charset::decode(body, content_type);
    // Byte order marks, and white space before an XML declaration, are common.
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    let parsed = match text.chars().next() {
        None => return Err(FeedError::Empty),
        Some('{') => json_feed::parse(text, base),
        Some('<') if is_html(text) => return Err(FeedError::HtmlPage { feeds: offered_feeds(text, base) }),
        Some('<') => parse_xml(text, base),
        Some('[') => return Err(FeedError::NotAFeed { found: "a JSON list".to_owned() }),
        Some(_) => {
            return Err(FeedError::NotAFeed { found: "plain text or a file of another kind".to_owned() });
        }
    };
    parsed.map(|mut feed| {
        feed.title = crate::domain::content::article::one_line(
            &feed.title,
            crate::domain::content::article::MAX_TITLE_CHARS,
        );
        if feed.title.is_empty() {
            let host = feed.site_url.as_ref().or(base).and_then(Url::host_str);
            host.unwrap_or("untitled feed").clone_into(&mut feed.title);
        }
        feed
    })
}

fn is_html(text: &str) -> bool {
    let head: String = text.chars().take(2_000).collect::<String>().to_ascii_lowercase();
    let first = |tag: &str| head.find(tag).unwrap_or(usize::MAX);
    let html = first("<!doctype html").min(first("<html")).min(first("<head>")).min(first("<body"));
    html < first("<rss").min(first("<feed")).min(first("<rdf:rdf")).min(first("<channel"))
}

/// The feeds a page names in its head (`<link rel="alternate" type="application/rss+xml">`).
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

fn parse_xml(text: &str, base: Option<&Url>) -> Result<ParsedFeed, FeedError> {
    let checked = xml_check::check(text).map_err(|fault| FeedError::Malformed {
        line: fault.line,
        column: fault.column,
        problem: fault.problem,
    })?;
    if !matches!(checked.root.as_str(), "rss" | "RDF" | "feed" | "entry") {
        return Err(FeedError::NotAFeed { found: format!("an XML document of kind <{}>", checked.root) });
    }
    let parser = feed_rs::parser::Builder::new()
        .base_uri(base.map(Url::as_str))
        // An entry without an identifier has none; the parser would make one up.
        .id_generator(|_, _, _| String::new())
        .timestamp_parser(|text| dates::parse(text).map(|at| SystemTime::from(at).into()))
        .build();
    let feed = parser
        .parse(checked.text.as_bytes())
        .map_err(|error| FeedError::Unreadable { reason: error.to_string() })?;
    Ok(convert(feed, &checked, base))
}

fn convert(feed: Feed, checked: &xml_check::Checked, base: Option<&Url>) -> ParsedFeed {
    let thumbnails = &checked.thumbnails;
    let site_url =
        feed.links.iter().find(|link| is_page(link)).and_then(|link| markup::web_address(&link.href, base));
    let link_base = base.or(site_url.as_ref());
    let language = feed.language.as_deref().and_then(|tag| some(markup::collapse(tag)));
    let aligned = thumbnails.len() == feed.entries.len();
    let mut skipped = Vec::new();
    let mut articles = Vec::new();
    for (at, entry) in feed.entries.iter().enumerate() {
        let context = EntryContext {
            base: link_base,
            is_atom: feed.feed_type == FeedType::Atom,
            language: language.as_deref(),
            authors: authors(&feed.authors),
            thumbnail: thumbnails.get(at).filter(|_| aligned).and_then(Option::as_deref),
        };
        match article(entry, context) {
            Ok(article) => articles.push(article),
            Err(why) => skipped.push(format!("entry {} {}: {why}", at + 1, named(entry))),
        }
    }
    keep_newest(&mut articles, &mut skipped);
    ParsedFeed {
        title: feed.title.as_ref().map(line_of).unwrap_or_default(),
        site_url,
        language,
        ttl: feed.ttl.map(|minutes| Duration::from_mins(u64::from(minutes))).max(checked.update_every()),
        articles,
        skipped,
    }
}

struct EntryContext<'a> {
    base: Option<&'a Url>,
    is_atom: bool,
    language: Option<&'a str>,
    authors: Option<String>,
    thumbnail: Option<&'a str>,
}

fn article(entry: &Entry, context: EntryContext<'_>) -> Result<FoundArticle, String> {
    let title = entry.title.as_ref().map(line_of).and_then(some).ok_or("it has no title")?;
    let link =
        entry.links.iter().find(|link| is_page(link)).map_or(entry.id.as_str(), |link| link.href.as_str());
    let url = markup::web_address(link, context.base).ok_or_else(|| match link.trim() {
        "" => "it has no link".to_owned(),
        link => format!("its link {link:?} is no web address"),
    })?;
    let own_base =
        entry.content.as_ref().and_then(|content| content.src.as_ref()).map(|src| src.href.as_str());
    let own_base = own_base.or(entry.base.as_deref()).and_then(|own| markup::web_address(own, context.base));
    // Without an `xml:base`, what an entry holds is relative to its page, as authors write it, not to the feed.
    let own_base = own_base.filter(|own| Some(own) != context.base);
    let base = own_base.as_ref().unwrap_or(&url);

    let body = entry.content.as_ref().and_then(|content| {
        let kind = content.content_type.to_string();
        let readable = kind.starts_with("text/") || kind.contains("xhtml");
        content.body.as_deref().filter(|_| readable).map(|body| (body, kind == "text/plain"))
    });
    // A description in RSS is HTML, whatever the parser calls it.
    let summary =
        entry.summary.as_ref().map(|text| (text.content.as_str(), context.is_atom && is_plain(text)));
    let described = entry.media.iter().find_map(|media| media.description.as_ref());
    let summary = summary.or_else(|| described.map(|text| (text.content.as_str(), is_plain(text))));
    let picture = entry_picture::named(entry, context.thumbnail, context.base.unwrap_or(base))
        .or_else(|| markup::first_picture(body?.0, Some(base)))
        .or_else(|| markup::first_picture(summary?.0, Some(base)));
    let (image_url, image_alt) = picture.map(|picture| (picture.url, picture.alt)).unzip();
    let (dek, text) = dek_and_text(body, summary);
    Ok(FoundArticle {
        url: Some(url),
        guid: some(entry.id.clone()),
        dek,
        author: authors(&entry.authors).or(context.authors),
        section: entry
            .categories
            .iter()
            .filter_map(|category| some(markup::plain(category.label.as_deref().unwrap_or(&category.term))))
            .find(|name| !NO_SECTIONS.contains(&name.to_lowercase().as_str())),
        image_url,
        image_alt: image_alt.flatten(),
        published_at: entry.published.or(entry.updated).and_then(|at| {
            Timestamp::new(at.timestamp(), i32::try_from(at.timestamp_subsec_nanos()).ok()?).ok()
        }),
        language: entry.language.as_deref().or(context.language).map(str::to_owned),
        text,
        ..FoundArticle::titled(title)
    }
    .tidy())
}

/// Whether a link leads to the page of the entry or the site, as opposed to the feed, comments or a file.
fn is_page(link: &Link) -> bool {
    link.target.is_none()
        && link.rel.as_deref().is_none_or(|rel| rel == "alternate")
        && link.media_type.as_deref().is_none_or(|kind| kind.contains("html"))
        && !link.href.is_empty()
}

fn authors(people: &[feed_rs::model::Person]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for name in people.iter().filter_map(|person| some(markup::plain(person.name.as_deref()?))) {
        let name = name.trim_matches(['(', ')']).trim().to_owned();
        if !names.contains(&name) && !name.contains('@') {
            names.push(name);
        }
    }
    some(names.join(", "))
}

fn is_plain(text: &Text) -> bool {
    text.content_type.to_string() == "text/plain"
}

fn line_of(text: &Text) -> String {
    markup::mended(if is_plain(text) { markup::plain(&text.content) } else { markup::to_text(&text.content) })
}

fn named(entry: &Entry) -> String {
    let name = entry.title.as_ref().map(line_of).and_then(some).or_else(|| some(entry.id.clone()));
    name.map(|name| format!("({name})")).unwrap_or_default()
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
