//! Converts a feed's entry into an article. Other elements substitute for missing ones.

use crate::{
    content::{
        date_words::DayOrder,
        dates, entry_picture,
        feed_element::{Element, Space},
        markup,
        parsed_feed::{dek_and_text, some, title_and_dek},
    },
    domain::content::article::FoundArticle,
};
use jiff::Timestamp;
use std::{borrow::Cow, collections::HashSet};
use url::Url;

/// Default categories of blog software.
const NO_SECTIONS: &[&str] = &["uncategorized", "uncategorised", "allgemein", "non classé", "sin categoría"];
/// Most authors and categories that are read.
const MAX_NAMES: usize = 20;
/// Longest text that is parsed, in bytes. Longer texts are cut first.
const MAX_TEXT_BYTES: usize = 300_000;

/// Elements that contain dates, the best first.
const DATES: &[(Space, &str)] = &[
    (Space::Core, "pubdate"),
    (Space::Core, "published"),
    (Space::Core, "issued"),
    (Space::Dublin, "issued"),
    (Space::Dublin, "date"),
    (Space::Core, "date"),
    (Space::Dublin, "available"),
    (Space::Dublin, "pubdate"),
    (Space::Other, "publicationdate"),
    (Space::Dublin, "created"),
    (Space::Core, "created"),
    (Space::Core, "updated"),
    (Space::Core, "modified"),
    (Space::Dublin, "modified"),
    (Space::Core, "lastbuilddate"),
];

/// Values that all entries of a feed share.
#[derive(Debug, Clone, Copy)]
pub struct Shared<'a> {
    /// Base of relative addresses.
    pub base: Option<&'a Url>,
    pub language: Option<&'a str>,
    pub authors: Option<&'a str>,
}

/// A parsed entry.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadEntry {
    pub article: FoundArticle,
    /// The first date, if there are dates but none could be parsed.
    pub unreadable_date: Option<String>,
}

/// Parses an entry. The error is the reason why it is not an article.
pub fn read(entry: &Element<'_>, shared: Shared<'_>) -> Result<ReadEntry, String> {
    let own_base = entry.attribute("xml:base").and_then(|own| markup::web_address(own, shared.base));
    let base = own_base.as_ref().or(shared.base);
    let url = address(entry, base)?;
    let (body, summary) = texts(entry);
    let (dek, text) = dek_and_text(body.as_ref().map(Prose::pair), summary.as_ref().map(Prose::pair));
    // Without an `xml:base`, links in the content are relative to the entry's page, as authors intend, not to
    // the feed.
    let content_base = content_base(entry, base).or(own_base.clone()).unwrap_or_else(|| url.clone());
    let picture = entry_picture::named(entry, base.unwrap_or(&url))
        .or_else(|| markup::first_picture(&body.as_ref()?.text, Some(&content_base)))
        .or_else(|| markup::first_picture(&summary.as_ref()?.text, Some(&content_base)));
    let (image_url, image_alt) = picture.map(|picture| (picture.url, picture.alt)).unzip();
    let image_alt: Option<String> = image_alt.flatten();
    let words = text.as_deref().or(image_alt.as_deref().filter(|_| dek.is_none()));
    let (title, dek) = title_and_dek(title(entry), dek, words).ok_or("it has neither a title nor a text")?;
    let language = entry.attribute("xml:lang").or_else(|| entry.text_of(Space::Dublin, "language"));
    let language = language.or(shared.language);
    let (published_at, unreadable_date) = date(entry, DayOrder::of(language));
    let article = FoundArticle {
        url: Some(url),
        guid: guid(entry).map(str::to_owned),
        dek,
        author: authors(entry).or_else(|| shared.authors.map(str::to_owned)),
        section: section(entry),
        image_url,
        image_alt,
        published_at,
        language: language.map(str::to_owned),
        text,
        ..FoundArticle::titled(title)
    };
    Ok(ReadEntry { article: article.tidy(), unreadable_date })
}

/// Returns a name for an entry in messages.
pub fn name(entry: &Element<'_>) -> String {
    let name = title(entry).or_else(|| guid(entry).map(|guid| cut(guid, 200).to_owned()));
    name.map(|name| format!("({name})")).unwrap_or_default()
}

/// Returns the start of `text`, of at most `bytes` bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Returns the text of an element as one line.
pub fn line(element: &Element<'_>) -> Option<String> {
    let kind = element.attribute("type").unwrap_or_default().to_ascii_lowercase();
    let line = if element.has_markup && kind.contains("xhtml") {
        markup::to_text(markup::head(element.raw))
    } else if kind.contains("html") {
        markup::to_text(markup::head(&element.text))
    } else {
        markup::plain(markup::head(&element.text))
    };
    some(markup::mended(line))
}

fn title(entry: &Element<'_>) -> Option<String> {
    let of = |of: &Element<'_>, space| of.all(space, "title").find_map(line);
    let media =
        || of(entry, Space::Media).or_else(|| media_groups(entry).find_map(|group| of(group, Space::Media)));
    of(entry, Space::Core)
        .or_else(|| of(entry, Space::Dublin))
        .or_else(media)
        .or_else(|| of(entry, Space::Podcast))
}

/// Returns the elements that contain an entry's media.
fn media_groups<'e, 'a>(entry: &'e Element<'a>) -> impl Iterator<Item = &'e Element<'a>> {
    entry.all(Space::Media, "group").chain(entry.all(Space::Media, "content"))
}

fn guid<'e>(entry: &'e Element<'_>) -> Option<&'e str> {
    let named = entry.text_of(Space::Core, "guid").or_else(|| entry.text_of(Space::Core, "id"));
    named.or_else(|| entry.attribute("about")).or_else(|| entry.text_of(Space::Dublin, "identifier"))
}

/// Returns an entry's link, or the closest substitute.
fn address(entry: &Element<'_>, base: Option<&Url>) -> Result<Url, String> {
    let links: Vec<Link<'_>> = entry.all(Space::Core, "link").filter_map(Link::of).collect();
    let of = |is: &dyn Fn(&Link<'_>) -> bool| {
        links.iter().filter(|link| is(link)).find_map(|link| web_address(link.href, base))
    };
    let is_page = |link: &Link<'_>| link.rel == ALTERNATE && link.is_html();
    let attribute = |space, name, attribute| {
        entry.all(space, name).filter_map(|it| it.attribute(attribute)).find_map(|url| web_address(url, base))
    };
    let absolute = |text: &str| markup::web_address(text, None);
    let permalink = || {
        let guids = entry.all(Space::Core, "guid").filter(|guid| {
            let said = guid.attribute("ispermalink").unwrap_or("true").to_ascii_lowercase();
            !matches!(said.as_str(), "false" | "no" | "0")
        });
        guids.map(|guid| guid.text.trim()).find_map(absolute)
    };
    let enclosed = || {
        let media = || {
            media_groups(entry)
                .flat_map(|group| group.all(Space::Media, "content"))
                .chain(entry.all(Space::Media, "content"))
        };
        let players =
            || media_groups(entry).chain([entry]).flat_map(|group| group.all(Space::Media, "player"));
        let enclosures = entry.all(Space::Core, "enclosure").filter_map(|it| it.attribute("url"));
        players()
            .filter_map(|it| it.attribute("url"))
            .chain(enclosures)
            .chain(media().filter_map(|it| it.attribute("url")))
            .find_map(|url| web_address(url, base))
    };
    of(&is_page)
        .or_else(|| of(&|link| link.rel == ALTERNATE))
        .or_else(permalink)
        .or_else(|| absolute(entry.text_of(Space::Feedburner, "origlink")?))
        .or_else(|| absolute(entry.text_of(Space::Core, "id")?))
        .or_else(|| absolute(entry.attribute("about")?))
        .or_else(|| of(&|link| link.rel == "enclosure"))
        .or_else(enclosed)
        .or_else(|| of(&|link| link.rel == "other"))
        .or_else(|| attribute(Space::Core, "content", "src"))
        .or_else(|| attribute(Space::Core, "link", "url"))
        .or_else(|| attribute(Space::Core, "a", "href"))
        .or_else(|| web_address(entry.text_of(Space::Core, "url")?, base))
        .or_else(|| {
            of(&|link| matches!(link.rel, "related" | "via" | "self" | "canonical" | "edit" | "shortlink"))
        })
        .or_else(|| absolute(entry.text_of(Space::Dublin, "identifier")?))
        .or_else(|| absolute(entry.text_of(Space::Core, "comments")?))
        .or_else(|| of(&|link| link.rel == "replies"))
        .ok_or_else(|| match links.first() {
            Some(link) => format!("its link {:?} is no web address", cut(link.href, 200)),
            None => "it has no link".to_owned(),
        })
}

/// Parses an address as people write it. Addresses such as "www.example.org" or "http//example.org" are not
/// relative paths.
fn web_address(text: &str, base: Option<&Url>) -> Option<Url> {
    let mut text = Cow::Borrowed(text.trim());
    if text.contains('\n') {
        // A line break in an address, with the indentation of the document.
        text = Cow::Owned(text.lines().map(str::trim).collect());
    }
    if text.contains("&amp;") {
        text = Cow::Owned(text.replace("&amp;", "&"));
    }
    let text = text.as_ref();
    let own_host = base.and_then(Url::host_str).and_then(|host| text.strip_prefix(host));
    if own_host.is_some_and(|rest| rest.starts_with('/')) {
        return markup::web_address(&format!("https://{text}"), None);
    }
    if text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www.")) {
        return markup::web_address(&format!("https://{text}"), None);
    }
    markup::web_address(text, base)
}

const ALTERNATE: &str = "alternate";
/// Relations whose links lead elsewhere than to the entry's page, or may do so.
const RELATIONS: &[&str] = &[
    "related",
    "via",
    "self",
    "canonical",
    "edit",
    "shortlink",
    "enclosure",
    "replies",
    "hub",
    "license",
    "next",
    "prev",
    "previous",
    "first",
    "last",
    "up",
    "search",
    "stylesheet",
    "icon",
    "author",
];

/// Returns the known relation in a `rel` attribute, which may be in any case and have several words.
fn relation(said: &str) -> &'static str {
    let words = || {
        let short = |word: &str| word.rsplit('/').next().unwrap_or(word).to_ascii_lowercase();
        said.split_whitespace().take(MAX_NAMES).map(short)
    };
    if words().any(|word| word == ALTERNATE) {
        return ALTERNATE;
    }
    words().find_map(|word| RELATIONS.iter().find(|known| **known == word)).copied().unwrap_or("other")
}

/// A link in RSS or Atom syntax.
#[derive(Debug, Clone, Copy)]
pub struct Link<'e> {
    pub href: &'e str,
    /// The relation, "alternate" if the link has none, and "other" if it is unknown.
    pub rel: &'static str,
    kind: &'e str,
}

impl<'e> Link<'e> {
    pub fn of(element: &'e Element<'_>) -> Option<Self> {
        let text = element.text.trim();
        let href = element.attribute("href").or_else(|| some_str(text))?;
        let rel = element.attribute("rel").map_or(ALTERNATE, relation);
        Some(Self { href, rel, kind: element.attribute("type").unwrap_or_default() })
    }

    /// Returns whether the link leads to a page, as far as its type shows.
    pub fn is_html(&self) -> bool {
        self.kind.is_empty() || self.kind.contains("html")
    }
}

fn some_str(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A text, and whether it is plain text or HTML.
struct Prose {
    text: String,
    is_plain: bool,
}

impl Prose {
    fn pair(&self) -> (&str, bool) {
        (&self.text, self.is_plain)
    }
}

/// Returns an entry's text and its summary.
fn texts(entry: &Element<'_>) -> (Option<Prose>, Option<Prose>) {
    let is_atom = entry.name == "entry";
    let first = |space, name| entry.all(space, name).find_map(|element| prose(element, is_atom));
    let body = first(Space::Content, "encoded")
        .or_else(|| first(Space::Core, "content"))
        .or_else(|| first(Space::Xhtml, "body"))
        .or_else(|| first(Space::Core, "body"));
    let in_media = || {
        let groups = media_groups(entry).chain([entry]);
        groups
            .flat_map(|group| group.all(Space::Media, "description"))
            .find_map(|element| prose(element, false))
    };
    let summary = first(Space::Core, "summary")
        .or_else(|| first(Space::Core, "description"))
        .or_else(|| first(Space::Podcast, "summary"))
        .or_else(|| first(Space::Dublin, "description"))
        .or_else(|| first(Space::Dublin, "abstract"))
        .or_else(|| first(Space::Core, "tagline"))
        .or_else(in_media)
        .or_else(|| first(Space::Podcast, "subtitle"));
    (body, summary)
}

/// Returns the text of an element. Its content decides whether it is HTML, more than its type does.
fn prose(element: &Element<'_>, is_atom: bool) -> Option<Prose> {
    let kind = element.attribute("type").unwrap_or_default().to_ascii_lowercase();
    let mode = element.attribute("mode").unwrap_or_default();
    let is_data = ["image/", "audio/", "video/", "application/octet", "application/pdf", "application/json"]
        .iter()
        .any(|data| kind.starts_with(data));
    if is_data || mode == "base64" {
        return None;
    }
    let is_xml = kind.contains("xhtml") || kind.contains("xml") || mode == "xml";
    let text = if element.has_markup && (is_xml || kind.is_empty() && is_atom) {
        cut(element.raw, MAX_TEXT_BYTES)
    } else {
        cut(&element.text, MAX_TEXT_BYTES)
    };
    // Descriptions in RSS are HTML, whatever their declared type.
    let is_html = !is_atom || kind.contains("html") || element.has_markup || is_xml;
    some(text.to_owned()).map(|text| Prose { text, is_plain: !is_html })
}

fn content_base(entry: &Element<'_>, base: Option<&Url>) -> Option<Url> {
    let content = entry.first(Space::Core, "content")?;
    markup::web_address(content.attribute("xml:base").or_else(|| content.attribute("src"))?, base)
}

/// Returns the names of the authors, without duplicates.
pub fn authors(of: &Element<'_>) -> Option<String> {
    let people = of
        .all(Space::Core, "author")
        .chain(of.all(Space::Dublin, "creator"))
        .chain(of.all(Space::Core, "creator"));
    let people = people.chain(of.all(Space::Podcast, "author"));
    let mut seen = HashSet::new();
    let mut names: Vec<String> = Vec::new();
    for name in people.take(MAX_NAMES).filter_map(person) {
        if seen.insert(name.to_lowercase()) {
            names.push(name);
        }
    }
    some(names.join(", "))
}

/// Returns a person's name: Atom's `name`, or the one in "ann@example.org (Ann Lee)" or "Ann Lee
/// <ann@example.org>".
fn person(element: &Element<'_>) -> Option<String> {
    let named = element.all(Space::Core, "name").find_map(line);
    let name = named.or_else(|| line(element).filter(|_| element.children.is_empty()))?;
    let name = match (name.split_once('('), name.split_once('<')) {
        (Some((address, name)), _) if address.contains('@') => name.trim_end_matches(')'),
        (_, Some((name, address))) if address.contains('@') => name,
        _ => name.as_str(),
    };
    let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
    some(name.to_owned()).filter(|name| !name.contains('@') && !name.contains("://"))
}

fn section(entry: &Element<'_>) -> Option<String> {
    let categories = entry.all(Space::Core, "category").chain(entry.all(Space::Dublin, "subject"));
    let categories = categories.chain(entry.all(Space::Media, "category"));
    categories
        .take(MAX_NAMES)
        .filter_map(|category| {
            let said = category.attribute("label").or_else(|| category.attribute("term"));
            let said = said.or_else(|| some_str(category.text.trim()))?;
            some(markup::plain(markup::head(said)))
        })
        .find(|name| !NO_SECTIONS.contains(&name.to_lowercase().as_str()))
}

/// Returns the date of publication. If none of the dates can be parsed, also returns the first of them.
fn date(entry: &Element<'_>, order: DayOrder) -> (Option<Timestamp>, Option<String>) {
    let said = || {
        DATES
            .iter()
            .flat_map(|(space, name)| entry.all(*space, name))
            .map(|date| date.text.trim())
            .filter(|text| !text.is_empty())
    };
    match said().find_map(|text| dates::parse_ordered(text, order)) {
        Some(at) => (Some(at), None),
        None => (
            None,
            said().find(|text| !dates::is_empty_date(text)).map(|text| markup::collapse(cut(text, 100))),
        ),
    }
}
