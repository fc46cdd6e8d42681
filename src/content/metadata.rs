//! What a page says about itself in its head: `<meta>` of every school, `<link>`, `<time>`.

use std::collections::HashMap;

use dom_query::Document;

use crate::content::markup;

/// What one source says about an article. Texts are plain but not yet bounded; addresses may be relative.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Titles, the best first.
    pub titles: Vec<String>,
    /// Descriptions, the best first.
    pub deks: Vec<String>,
    /// The author line.
    pub author: Option<String>,
    /// The section.
    pub section: Option<String>,
    /// The site's name.
    pub site_name: Option<String>,
    /// Addresses of pictures, the best first.
    pub images: Vec<String>,
    /// What the picture that is named for sharing shows.
    pub image_alt: Option<String>,
    /// Dates of publication, the best first.
    pub dates: Vec<String>,
    /// The language tag.
    pub language: Option<String>,
    /// Addresses the page gives itself, the best first.
    pub urls: Vec<String>,
    /// Descriptions of the site as a whole, which are not what the article is about.
    pub slogans: Vec<String>,
}

impl Facts {
    /// These facts, with what they lack taken from `others`.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        self.titles.extend(others.titles);
        self.deks.extend(others.deks);
        self.author = self.author.or(others.author);
        self.section = self.section.or(others.section);
        self.site_name = self.site_name.or(others.site_name);
        self.images.extend(others.images);
        self.image_alt = self.image_alt.or(others.image_alt);
        self.dates.extend(others.dates);
        self.language = self.language.or(others.language);
        self.urls.extend(others.urls);
        self.slogans.extend(others.slogans);
        self
    }
}

const TITLES: &[&str] = &[
    "dc:title",
    "dcterms:title",
    "og:title",
    "parsely-title",
    "twitter:title",
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
    "sailthru:author",
    "byl",
];
const SECTIONS: &[&str] =
    &["article:section", "og:article:section", "parsely-section", "section", "cxenseparse:category"];
const SITES: &[&str] = &["og:site_name", "application-name"];
const IMAGES: &[&str] = &[
    "og:image:secure_url",
    "og:image",
    "og:image:url",
    "twitter:image",
    "twitter:image:src",
    "parsely-image-url",
    "thumbnail",
];
const DATES: &[&str] = &[
    "article:published_time",
    "og:article:published_time",
    "article:published",
    "parsely-pub-date",
    "datepublished",
    "dc:date:issued",
    "dcterms:issued",
    "dcterms:created",
    "dc:date",
    "dcterms:date",
    "pubdate",
    "publishdate",
    "publish-date",
    "sailthru:date",
    "date",
];

/// Where a page marks its date of publication outside its head, the most certain first.
const TIMES: &[&str] =
    &["time[itemprop~=datePublished][datetime]", "time[pubdate][datetime]", "article time[datetime]"];

/// The facts in the elements of `page`'s head.
pub fn facts(page: &Document) -> Facts {
    let named = Named::of(page);
    let first = |selector: &str| page.select(selector).nodes().first().copied();
    let title = first("head > title").or_else(|| first("title")).map(|title| markup::text_of(&title));
    let heading = first("h1").map(|heading| markup::text_of(&heading));
    let html_lang = first("html[lang]").and_then(|html| html.attr("lang"));
    let locale = || named.first(&["og:locale"]).map(|locale| locale.replace('_', "-"));
    let link =
        |selector: &str| first(selector).and_then(|link| link.attr("href")).map(|href| href.to_string());
    let times = TIMES.iter().filter_map(|selector| Some(first(selector)?.attr("datetime")?.to_string()));
    Facts {
        titles: named
            .all(TITLES)
            .into_iter()
            .chain(title)
            .chain(heading)
            .filter(|title| !title.is_empty())
            .collect(),
        deks: named.all(DEKS),
        author: author(&named),
        section: named.first(SECTIONS),
        site_name: named.first(SITES),
        images: named.all(IMAGES).into_iter().chain(link("link[rel~=image_src][href]")).collect(),
        image_alt: named.first(&["og:image:alt", "twitter:image:alt"]),
        dates: named.all(DATES).into_iter().chain(times).collect(),
        language: html_lang.map(|lang| lang.to_string()).filter(|lang| !lang.is_empty()).or_else(locale),
        urls: link("link[rel~=canonical][href]")
            .into_iter()
            .chain(named.all(&["og:url", "parsely-link"]))
            .collect(),
        slogans: Vec::new(),
    }
}

/// The first author who is a name. Addresses of profiles are not; nor are user names, if a name is to be had.
fn author(meta: &Named) -> Option<String> {
    AUTHORS.iter().find_map(|key| {
        let authors = meta.every(key).into_iter().map(|author| without_by(&author).to_owned());
        let mut authors: Vec<String> = authors.filter(|author| is_name(author)).collect();
        authors.dedup();
        (!authors.is_empty()).then(|| authors.join(", "))
    })
}

/// Whether an author line names someone: no address, no user name (one lower-case word).
pub fn is_name(text: &str) -> bool {
    let text = text.trim();
    let user_name = !text.contains(' ')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte));
    !text.is_empty()
        && !user_name
        && !text.contains("://")
        && !text.starts_with(['@', '/'])
        && !text.starts_with("www.")
}

/// An author line without its "By".
pub fn without_by(line: &str) -> &str {
    let line = line.trim();
    match line.get(..3) {
        Some(by) if by.eq_ignore_ascii_case("by ") || by.eq_ignore_ascii_case("by:") => line[3..].trim(),
        _ => line,
    }
}

/// The page's `<meta>` values by name. `property` is what article metadata uses and comes before `name`.
struct Named {
    by_property: HashMap<String, Vec<String>>,
    by_name: HashMap<String, Vec<String>>,
}

impl Named {
    fn of(page: &Document) -> Self {
        let mut named = Self { by_property: HashMap::new(), by_name: HashMap::new() };
        for meta in page.select("meta").nodes() {
            let Some(content) = meta.attr("content").or_else(|| meta.attr("value")) else { continue };
            let content = markup::plain(&content);
            if content.is_empty() {
                continue;
            }
            for attribute in ["property", "name", "itemprop"] {
                let values =
                    if attribute == "property" { &mut named.by_property } else { &mut named.by_name };
                for key in meta.attr_or(attribute, "").split_whitespace() {
                    let key = key.to_lowercase().replace('.', ":");
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
