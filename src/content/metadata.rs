//! Metadata in a page's head: `<meta>` in its various vocabularies, `<link>`, `<title>`.

use std::collections::HashMap;

use dom_query::Document;

use crate::content::{
    byline, markup,
    page_pictures::{NamedPicture, Place},
    page_title::Source,
};

/// Facts about an article from the sources in its page. Texts are plain but may be too long, and addresses
/// may be relative.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Titles, the best first.
    pub titles: Vec<(Source, String)>,
    /// Descriptions, the best first.
    pub deks: Vec<String>,
    /// Author lines with a name, the best first.
    pub authors: Vec<(Source, String)>,
    pub section: Option<String>,
    pub site_name: Option<String>,
    /// Pictures that the page names.
    pub pictures: Vec<NamedPicture>,
    /// Description of the picture for sharing.
    pub image_alt: Option<String>,
    /// Dates of publication, the best first.
    pub dates: Vec<(Source, String)>,
    pub language: Option<String>,
    /// Addresses that the page claims for itself, the best first.
    pub urls: Vec<String>,
    /// Descriptions of the whole site, not of the article.
    pub slogans: Vec<String>,
}

impl Facts {
    /// Fills missing facts from `others`.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        self.titles.extend(others.titles);
        self.deks.extend(others.deks);
        self.authors.extend(others.authors);
        self.section = self.section.or(others.section);
        self.site_name = self.site_name.or(others.site_name);
        self.pictures.extend(others.pictures);
        self.image_alt = self.image_alt.or(others.image_alt);
        self.dates.extend(others.dates);
        self.language = self.language.or(others.language);
        self.urls.extend(others.urls);
        self.slogans.extend(others.slogans);
        self
    }
}

const MAX_AUTHORS: usize = 20;
const MAX_IMAGES: usize = 5;

/// Texts of templates whose value was missing.
const NOTHING: &[&str] = &["", "null", "undefined", "nan", "[object object]"];

/// Returns whether a text is that of a missing value.
pub fn is_nothing(text: &str) -> bool {
    text.len() <= 20 && NOTHING.contains(&text.trim().to_ascii_lowercase().as_str())
}

const TITLES: &[&str] = &[
    "dc:title",
    "dcterms:title",
    "og:title",
    "parsely-title",
    "twitter:title",
    "headline",
    "citation_title",
    "title",
    "hdl",
    "sailthru:title",
];
const DEKS: &[&str] =
    &["dc:description", "dcterms:description", "og:description", "description", "twitter:description"];
const AUTHORS: &[&str] = &[
    "dc:creator",
    "dcterms:creator",
    "article:author",
    "og:article:author",
    "article:author_name",
    "parsely-author",
    "author",
    "cxenseparse:author",
    "citation_author",
    "sailthru:author",
    "byl",
];
const SECTIONS: &[&str] =
    &["article:section", "og:article:section", "parsely-section", "section", "cxenseparse:category"];
const SITES: &[&str] = &["og:site_name", "application-name"];
const IMAGES: &[(&str, Place)] = &[
    ("og:image:secure_url", Place::Share),
    ("og:image", Place::Share),
    ("og:image:url", Place::Share),
    ("twitter:image", Place::Twitter),
    ("twitter:image:src", Place::Twitter),
    ("parsely-image-url", Place::Link),
    ("image", Place::Link),
    ("thumbnail", Place::Thumbnail),
];
/// Names of dates without punctuation, because sites write them with any.
const DATES: &[&str] = &[
    "articlepublishedtime",
    "ogarticlepublishedtime",
    "articlepublished",
    "ogpublishedtime",
    "publishedtime",
    "parselypubdate",
    "datepublished",
    "rnewsdatepublished",
    "btpubdate",
    "dcdateissued",
    "dctermsissued",
    "dctermscreated",
    "dcdatecreated",
    "dcdate",
    "dctermsdate",
    "pubdate",
    "ogpubdate",
    "publishdate",
    "publishtime",
    "publicationdate",
    "originalpublicationdate",
    "published",
    "publisheddate",
    "publishedat",
    "firstpublished",
    "articledateoriginal",
    "articledate",
    "analyticsattributesarticledate",
    "articlecreated",
    "releasedate",
    "displaydate",
    "issuedate",
    "pdate",
    "sailthrudate",
    "cxenseparserecspublishtime",
    "cxenseparsepublishtime",
    "prismpublicationdate",
    "citationpublicationdate",
    "citationonlinedate",
    "citationdate",
    "iso8601publishdate",
    "vrpublishedtime",
    "shareaholicarticlepublishedtime",
    "mediatorpublishedtime",
    "weiboarticlecreateat",
    "dcsextarticlefirstpublished",
    "videoreleasedate",
    "eprintsdate",
    "datecreated",
    "created",
    "date",
];

/// Returns the facts in `page`'s head.
pub fn facts(page: &Document) -> Facts {
    let named = Named::of(page);
    let first = |selector: &str| page.select(selector).nodes().first().copied();
    let title = first("head > title").or_else(|| first("title")).map(|title| markup::text_of(&title));
    let html_lang = first("html[lang]").and_then(|html| html.attr("lang"));
    let locale = || named.first(&["og:locale"]).map(|locale| locale.replace('_', "-"));
    let link =
        |selector: &str| first(selector).and_then(|link| link.attr("href")).map(|href| href.to_string());
    let titles = named.all(TITLES).into_iter().map(|title| (Source::Meta, title));
    let widths = named.every("og:image:width");
    let pictures = IMAGES.iter().flat_map(|(name, place)| {
        let of = named.every(name);
        // Widths belong to the pictures before them, if every picture has one.
        let widths = if *place == Place::Share && widths.len() == of.len() { &widths[..] } else { &[] };
        let widths: Vec<Option<u32>> = widths.iter().map(|width| width.trim().parse().ok()).collect();
        of.into_iter().take(MAX_IMAGES).enumerate().map(move |(at, address)| NamedPicture {
            address,
            place: *place,
            width: widths.get(at).copied().flatten(),
        })
    });
    let image_src = link("link[rel~=image_src][href], link[itemprop~=image][href]");
    let image_src = image_src.map(|address| NamedPicture { address, place: Place::Link, width: None });
    Facts {
        titles: titles
            .chain(title.map(|title| (Source::Title, title)))
            .filter(|(_, title)| !title.is_empty())
            .collect(),
        deks: named.all(DEKS),
        authors: author(&named).map(|author| (Source::Meta, author)).into_iter().collect(),
        section: named.first(SECTIONS),
        site_name: named.first(SITES),
        pictures: pictures.chain(image_src).collect(),
        image_alt: named.first(&["og:image:alt", "twitter:image:alt"]),
        dates: DATES
            .iter()
            .filter_map(|name| Some((Source::Meta, named.dates.get(*name)?.clone())))
            .collect(),
        language: html_lang.map(|lang| lang.to_string()).filter(|lang| !lang.is_empty()).or_else(locale),
        urls: link("link[rel~=canonical][href]")
            .into_iter()
            .chain(named.all(&["og:url", "parsely-link"]))
            .collect(),
        slogans: Vec::new(),
    }
}

/// Returns the first author that is a name, not a profile's address or a user name.
fn author(meta: &Named) -> Option<String> {
    AUTHORS.iter().find_map(|key| {
        let authors = meta.every(key).into_iter().take(MAX_AUTHORS);
        let mut authors: Vec<String> = authors.filter_map(|author| byline::names(&author)).collect();
        authors.dedup();
        (!authors.is_empty()).then(|| authors.join(", "))
    })
}

/// The page's `<meta>` values by name. `property`, which article metadata uses, takes precedence over `name`.
struct Named {
    by_property: HashMap<String, Vec<String>>,
    by_name: HashMap<String, Vec<String>>,
    /// The first value of each name, without punctuation.
    dates: HashMap<String, String>,
}

impl Named {
    fn of(page: &Document) -> Self {
        let mut named = Self { by_property: HashMap::new(), by_name: HashMap::new(), dates: HashMap::new() };
        for meta in page.select("meta").nodes() {
            let Some(content) = meta.attr("content").or_else(|| meta.attr("value")) else { continue };
            let content = markup::plain(markup::head(&content));
            if is_nothing(&content) {
                continue;
            }
            for attribute in ["property", "name", "itemprop", "http-equiv"] {
                let values =
                    if attribute == "property" { &mut named.by_property } else { &mut named.by_name };
                for key in meta.attr_or(attribute, "").split_whitespace() {
                    let key = key.to_lowercase().replace('.', ":");
                    if content.contains(|c: char| c.is_ascii_digit()) {
                        let plain = key.chars().filter(|c| c.is_alphanumeric()).collect();
                        named.dates.entry(plain).or_insert_with(|| content.clone());
                    }
                    values.entry(key).or_default().push(content.clone());
                }
            }
        }
        named
    }

    fn every(&self, key: &str) -> Vec<String> {
        self.by_property.get(key).or_else(|| self.by_name.get(key)).cloned().unwrap_or_default()
    }

    fn all(&self, keys: &[&str]) -> Vec<String> {
        keys.iter().filter_map(|key| self.every(key).into_iter().next()).collect()
    }

    fn first(&self, keys: &[&str]) -> Option<String> {
        self.all(keys).into_iter().next()
    }
}
