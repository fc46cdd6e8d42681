//! The elements of feeds: their vocabularies and content.

use crate::content::xml_events::Attribute;
use std::borrow::Cow;

/// The vocabulary of an element. RSS and Atom count as one, because feeds mix them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// RSS of every version, and Atom.
    Core,
    Dublin,
    /// RSS 1.0's content module.
    Content,
    /// Yahoo's Media RSS.
    Media,
    /// iTunes and Google Play podcasts.
    Podcast,
    /// RSS 1.0's syndication module.
    Syndication,
    Xhtml,
    Feedburner,
    Other,
}

/// Parts of namespace URLs, in lower case, and the usual prefixes where no namespace is declared.
const SPACES: &[(&str, &[&str], Space)] = &[
    ("purl.org/dc/", &["dc", "dcterms", "dct"], Space::Dublin),
    ("rss/1.0/modules/content", &["content"], Space::Content),
    ("search.yahoo.com/mrss", &["media", "mrss"], Space::Media),
    ("tools.search.yahoo.com", &[], Space::Media),
    ("podcast-1.0.dtd", &["itunes"], Space::Podcast),
    ("google.com/schemas/play-podcasts", &["googleplay"], Space::Podcast),
    ("rss/1.0/modules/syndication", &["sy"], Space::Syndication),
    ("w3.org/1999/xhtml", &["xhtml", "html"], Space::Xhtml),
    ("feedburner.org", &["feedburner"], Space::Feedburner),
    ("w3.org/2005/atom", &["atom", "a10"], Space::Core),
    ("purl.org/atom", &[], Space::Core),
    ("purl.org/rss/1.0", &["rss"], Space::Core),
    ("purl.org/net/rss1.1", &[], Space::Core),
    ("netscape.com/rdf/simple", &[], Space::Core),
    ("backend.userland.com", &[], Space::Core),
    ("harvard.edu", &[], Space::Core),
    ("1999/02/22-rdf-syntax", &["rdf"], Space::Core),
];

/// Elements that contain text, perhaps with markup.
const TEXTS: &[&str] = &[
    "title",
    "description",
    "summary",
    "content",
    "subtitle",
    "tagline",
    "rights",
    "copyright",
    "abstract",
    "encoded",
    "text",
    "body",
    "info",
];
/// Elements that contain a word or an address, or nothing.
pub const LEAVES: &[&str] = &[
    "link",
    "guid",
    "pubdate",
    "category",
    "enclosure",
    "comments",
    "updated",
    "published",
    "issued",
    "modified",
    "created",
    "id",
    "language",
    "ttl",
    "docs",
    "generator",
    "webmaster",
    "managingeditor",
    "lastbuilddate",
    "name",
    "email",
    "uri",
    "url",
    "width",
    "height",
    "br",
    "img",
    "hr",
    "wbr",
    "meta",
    "input",
];
/// Elements that are not HTML, so they end the text that contains them.
pub const ENDS_TEXT: &[&str] = &[
    "guid",
    "pubdate",
    "description",
    "enclosure",
    "category",
    "author",
    "comments",
    "updated",
    "published",
    "issued",
    "modified",
    "created",
    "id",
    "language",
    "lastbuilddate",
    "managingeditor",
    "webmaster",
    "ttl",
    "item",
    "entry",
    "rss",
    "rdf",
    "feed",
    "channel",
];

/// An element and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element<'a> {
    pub space: Space,
    /// Name in lower case, without prefix.
    pub name: Cow<'a, str>,
    pub attributes: Vec<Attribute<'a>>,
    pub children: Vec<Element<'a>>,
    /// The text content with references replaced. Unescaped markup stays as written.
    pub text: String,
    /// The source of its content, only for elements that contain text.
    pub raw: &'a str,
    /// Whether `raw` contains markup.
    pub has_markup: bool,
}

impl<'a> Element<'a> {
    /// Returns the value of an attribute, regardless of its prefix.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let local = |full: &str| full.rsplit(':').next().is_some_and(|local| local == name);
        let exact = self.attributes.iter().find(|(full, _)| full == name);
        let found = exact.or_else(|| self.attributes.iter().find(|(full, _)| local(full)));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns the direct children with a name in a vocabulary.
    pub fn all(&self, space: Space, name: &str) -> impl Iterator<Item = &Element<'a>> {
        self.children.iter().filter(move |child| child.space == space && child.name == name)
    }

    pub fn first(&self, space: Space, name: &str) -> Option<&Element<'a>> {
        self.all(space, name).next()
    }

    /// Returns the text of the first child with this name that has text.
    pub fn text_of(&self, space: Space, name: &str) -> Option<&str> {
        self.all(space, name).map(|child| child.text.trim()).find(|text| !text.is_empty())
    }
}

/// Returns the vocabulary that a prefix usually stands for.
pub fn usual_space(prefix: &str) -> Option<Space> {
    SPACES.iter().find(|(_, prefixes, _)| prefixes.contains(&prefix)).map(|(_, _, space)| *space)
}

/// Creates an element without content.
pub fn element<'a>(
    name: impl Into<Cow<'a, str>>,
    attributes: Vec<Attribute<'a>>,
    space: Space,
) -> Element<'a> {
    Element {
        space,
        name: name.into(),
        attributes,
        children: Vec::new(),
        text: String::new(),
        raw: "",
        has_markup: false,
    }
}

pub fn space_of(uri: &str) -> Space {
    let uri = uri.to_ascii_lowercase();
    SPACES.iter().find(|(part, _, _)| uri.contains(part)).map_or(Space::Other, |(_, _, space)| *space)
}

pub fn is_root(name: &str) -> bool {
    matches!(name, "rss" | "rdf" | "feed" | "channel" | "item" | "entry")
}

pub fn is_entry(element: &Element<'_>) -> bool {
    matches!(element.name.as_ref(), "item" | "entry") && matches!(element.space, Space::Core | Space::Other)
}

pub fn is_feed(element: &Element<'_>) -> bool {
    matches!(element.name.as_ref(), "rss" | "rdf" | "feed" | "channel") && element.space == Space::Core
}

pub fn is_container(full_name: &str) -> bool {
    let name = full_name.rsplit(':').next().unwrap_or(full_name);
    is_root(name)
}

/// Returns whether an element contains text. "content" is also the name of a picture in Media RSS.
pub fn is_text(element: &Element<'_>) -> bool {
    let is_media_content = element.space == Space::Media && element.name == "content";
    let can = !matches!(element.space, Space::Other | Space::Syndication | Space::Feedburner);
    can && !is_media_content && TEXTS.contains(&element.name.as_ref())
}
