//! An entry of a feed to an article, with every element that may stand for what is missing.

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
use std::collections::HashSet;
use url::Url;

/// What blog software files an entry under when nobody chose a category.
const NO_SECTIONS: &[&str] = &["uncategorized", "uncategorised", "allgemein", "non classé", "sin categoría"];
/// Authors and categories that are read.
const MAX_NAMES: usize = 20;
/// Longer texts are cut before anything looks at them.
const MAX_TEXT_BYTES: usize = 300_000;

/// Where dates stand, the best first.
const DATES: &[(Space, &str)] = &[
    (Space::Core, "pubdate"),
    (Space::Core, "published"),
    (Space::Core, "issued"),
    (Space::Dublin, "issued"),
    (Space::Dublin, "date"),
    (Space::Core, "date"),
    (Space::Dublin, "created"),
    (Space::Core, "created"),
    (Space::Core, "updated"),
    (Space::Core, "modified"),
    (Space::Dublin, "modified"),
];

/// What an entry shares with the others of its feed.
#[derive(Debug, Clone, Copy)]
pub struct Shared<'a> {
    /// What relative addresses are relative to.
    pub base: Option<&'a Url>,
    pub language: Option<&'a str>,
    pub authors: Option<&'a str>,
}

/// An entry as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadEntry {
    pub article: FoundArticle,
    /// A date that is there but was not understood.
    pub unreadable_date: Option<String>,
}

/// Reads an entry; the error says why it is no article.
pub fn read(entry: &Element<'_>, shared: Shared<'_>) -> Result<ReadEntry, String> {
    let own_base = entry.attribute("xml:base").and_then(|own| markup::web_address(own, shared.base));
    let base = own_base.as_ref().or(shared.base);
    let url = address(entry, base)?;
    let (body, summary) = texts(entry);
    let (dek, text) = dek_and_text(body.as_ref().map(Prose::pair), summary.as_ref().map(Prose::pair));
    let (title, dek) =
        title_and_dek(title(entry), dek, text.as_deref()).ok_or("it has neither a title nor a text")?;
    // Without an `xml:base`, what an entry holds is relative to its page, as authors write it, not to the
    // feed.
    let content_base = content_base(entry, base).or(own_base.clone()).unwrap_or_else(|| url.clone());
    let picture = entry_picture::named(entry, base.unwrap_or(&url))
        .or_else(|| markup::first_picture(&body.as_ref()?.text, Some(&content_base)))
        .or_else(|| markup::first_picture(&summary.as_ref()?.text, Some(&content_base)));
    let (image_url, image_alt) = picture.map(|picture| (picture.url, picture.alt)).unzip();
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
        image_alt: image_alt.flatten(),
        published_at,
        language: language.map(str::to_owned),
        text,
        ..FoundArticle::titled(title)
    };
    Ok(ReadEntry { article: article.tidy(), unreadable_date })
}

/// What an entry is called in a message about it.
pub fn name(entry: &Element<'_>) -> String {
    let name = title(entry).or_else(|| guid(entry).map(|guid| cut(guid, 200).to_owned()));
    name.map(|name| format!("({name})")).unwrap_or_default()
}

/// The start of `text`, of at most so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The text of an element as one line.
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

/// The elements that hold an entry's media.
fn media_groups<'e, 'a>(entry: &'e Element<'a>) -> impl Iterator<Item = &'e Element<'a>> {
    entry.all(Space::Media, "group").chain(entry.all(Space::Media, "content"))
}

fn guid<'e>(entry: &'e Element<'_>) -> Option<&'e str> {
    let named = entry.text_of(Space::Core, "guid").or_else(|| entry.text_of(Space::Core, "id"));
    named.or_else(|| entry.attribute("about")).or_else(|| entry.text_of(Space::Dublin, "identifier"))
}

/// Where readers find an entry: its link, or else what comes nearest to one.
fn address(entry: &Element<'_>, base: Option<&Url>) -> Result<Url, String> {
    let links: Vec<Link<'_>> = entry.all(Space::Core, "link").filter_map(Link::of).collect();
    let of = |is: &dyn Fn(&Link<'_>) -> bool| {
        links.iter().filter(|link| is(link)).find_map(|link| web_address(link.href, base))
    };
    let is_page = |link: &Link<'_>| link.rel == "alternate" && link.is_html();
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
        .or_else(|| of(&|link| link.rel == "alternate"))
        .or_else(permalink)
        .or_else(|| absolute(entry.text_of(Space::Feedburner, "origlink")?))
        .or_else(|| absolute(entry.text_of(Space::Core, "id")?))
        .or_else(|| absolute(entry.attribute("about")?))
        .or_else(|| of(&|link| link.rel == "enclosure"))
        .or_else(enclosed)
        .or_else(|| {
            of(&|link| matches!(link.rel, "related" | "via" | "self" | "canonical" | "edit" | "shortlink"))
        })
        .or_else(|| absolute(entry.text_of(Space::Dublin, "identifier")?))
        .ok_or_else(|| match links.first() {
            Some(link) => format!("its link {:?} is no web address", cut(link.href, 200)),
            None => "it has no link".to_owned(),
        })
}

/// An address as people write it: "www." without a scheme, and a scheme without a colon's slashes, are no
/// paths.
fn web_address(text: &str, base: Option<&Url>) -> Option<Url> {
    let text = text.trim();
    if text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www.")) {
        return markup::web_address(&format!("https://{text}"), None);
    }
    markup::web_address(text, base)
}

/// A link in the form of RSS or of Atom.
#[derive(Debug, Clone, Copy)]
pub struct Link<'e> {
    pub href: &'e str,
    /// Without its default value "alternate".
    pub rel: &'e str,
    kind: &'e str,
}

impl<'e> Link<'e> {
    pub fn of(element: &'e Element<'_>) -> Option<Self> {
        let text = element.text.trim();
        let href = element.attribute("href").or_else(|| some_str(text))?;
        let rel = element.attribute("rel").unwrap_or("alternate");
        let rel = rel.strip_prefix("http://www.iana.org/assignments/relation/").unwrap_or(rel);
        Some(Self { href, rel, kind: element.attribute("type").unwrap_or_default() })
    }

    /// Whether the link leads to a page, as far as its type says.
    pub fn is_html(&self) -> bool {
        self.kind.is_empty() || self.kind.contains("html")
    }
}

fn some_str(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A text and whether it is plain, as opposed to HTML.
struct Prose {
    text: String,
    is_plain: bool,
}

impl Prose {
    fn pair(&self) -> (&str, bool) {
        (&self.text, self.is_plain)
    }
}

/// What an entry holds as its text, and what as its summary.
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

/// The text of an element, by what it holds more than by what its type says.
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
    // A description in RSS is HTML, whatever it is called.
    let is_html = !is_atom || kind.contains("html") || element.has_markup || is_xml;
    some(text.to_owned()).map(|text| Prose { text, is_plain: !is_html })
}

fn content_base(entry: &Element<'_>, base: Option<&Url>) -> Option<Url> {
    let content = entry.first(Space::Core, "content")?;
    markup::web_address(content.attribute("xml:base").or_else(|| content.attribute("src"))?, base)
}

/// The names of those who wrote something, each once.
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

/// A person's name: that of Atom, or the one in "ann@example.org (Ann Lee)" or "Ann Lee <ann@example.org>".
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

/// When an entry was published, and, if none of its dates is understood, the first of these.
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
