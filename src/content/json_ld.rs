//! Metadata of a page in JSON-LD, which pages provide for search engines.

use dom_query::Document;
use serde_json::{Map, Value};

use crate::content::{
    budget, byline, json_mend, markup,
    metadata::{self, Facts},
    page_pictures::{NamedPicture, Place},
    page_title::Source,
};
use std::collections::HashMap;

type Object = Map<String, Value>;

/// Types of articles, besides those whose name ends in "Article" or "Posting".
const ARTICLES: &[&str] =
    &["Report", "Review", "CriticReview", "AnalysisNewsArticle", "Recipe", "MedicalWebPage"];
/// Most values that are read from one list.
const MAX_VALUES: usize = 20;
/// Most references and lists that are followed from one value, because nodes may refer to each other in a
/// cycle.
const MAX_STEPS: usize = 8;
const SITES: &[&str] = &["WebSite", "Organization", "NewsMediaOrganization", "Corporation", "Blog"];

/// Returns the facts in the page's JSON-LD. The first node that is an article describes the page.
pub fn facts(page: &Document) -> Facts {
    let mut nodes: Vec<Object> = Vec::new();
    for script in page.select("script[type]").nodes() {
        if script.attr_or("type", "").trim().to_ascii_lowercase().starts_with("application/ld+json") {
            for value in read(&script.text()) {
                collect(Some(value), &mut nodes);
            }
        }
    }
    let graph = Graph::of(&nodes);
    let is_article = |node: &&Object| {
        is_a(node, |kind| kind.ends_with("Article") || kind.ends_with("Posting") || ARTICLES.contains(&kind))
    };
    let articles: Vec<&Object> = nodes.iter().filter(is_article).take(MAX_VALUES).collect();
    let own = own_address(page).filter(|_| articles.len() > 1);
    let is_own = |article: &&&Object| {
        let mut addresses = Vec::new();
        for name in ["url", "mainEntityOfPage", "@id"] {
            article.get(name).into_iter().for_each(|value| graph.addresses(value, &mut addresses, MAX_STEPS));
        }
        own.as_ref().is_some_and(|own| addresses.contains(own))
    };
    let is_titled = |article: &&&Object| {
        ["headline", "name"].iter().any(|name| article.get(*name).and_then(text).is_some())
    };
    let article = articles.iter().find(is_own).or(articles.iter().find(is_titled)).or(articles.first());
    let web_page =
        nodes.iter().find(|node| is_a(node, |kind| kind.ends_with("WebPage") || kind == "ItemPage"));
    let mut facts = article.map(|article| graph.article(article)).unwrap_or_default();
    if let Some(web_page) = web_page {
        facts = facts.or(graph.article(web_page));
    }
    for site in nodes.iter().filter(|node| is_a(node, |kind| SITES.contains(&kind))) {
        facts.slogans.extend(
            ["description", "slogan", "alternateName"].iter().filter_map(|name| text(site.get(*name)?)),
        );
        let is_site = is_a(site, |kind| kind == "WebSite");
        facts.site_name = facts.site_name.take().or_else(|| text(site.get("name")?).filter(|_| is_site));
    }
    facts
}

/// Returns the address that a page gives as its own.
fn own_address(page: &Document) -> Option<String> {
    let canonical =
        page.select("link[rel~=canonical][href]").nodes().first().and_then(|link| link.attr("href"));
    canonical.map(|href| href.trim().to_owned())
}

/// Parses a script's JSON, without any wrapper such as a comment or CDATA.
fn read(script: &str) -> Vec<Value> {
    budget::count(script.len());
    let mut json = script.trim();
    for (open, close) in [
        ("<!--", "-->"),
        ("//<![CDATA[", "//]]>"),
        ("// <![CDATA[", "// ]]>"),
        ("/*<![CDATA[*/", "/*]]>*/"),
        ("<![CDATA[", "]]>"),
    ] {
        json = json.strip_prefix(open).unwrap_or(json).trim();
        json = json.strip_suffix(close).unwrap_or(json).trim();
    }
    let json = json.trim_end_matches(';');
    // Raw line breaks inside strings are common. Elsewhere in JSON a space does no harm.
    let read = serde_json::from_str(json)
        .or_else(|_| serde_json::from_str(&json.replace(|c: char| c.is_control(), " ")));
    if let Ok(value) = read {
        return vec![value];
    }
    // Several objects in a row.
    let values = serde_json::Deserializer::from_str(json).into_iter().take(MAX_VALUES);
    let values: Vec<Value> = values.map_while(Result::ok).collect();
    if !values.is_empty() {
        return values;
    }
    let escaped = (!json.contains('"')).then(|| json.replace("&quot;", "\"").replace("&amp;", "&"));
    let json = escaped.as_deref().unwrap_or(json);
    let begin = json.find(['{', '[']).unwrap_or(json.len());
    serde_json::from_str(&json_mend::mended(&json[begin..])).into_iter().collect()
}

fn collect(value: Option<Value>, nodes: &mut Vec<Object>) {
    match value {
        Some(Value::Array(values)) => values.into_iter().for_each(|value| collect(Some(value), nodes)),
        Some(Value::Object(mut node)) => {
            let inner = ["@graph", "mainEntity"].map(|name| node.remove(name));
            nodes.push(node);
            for value in inner {
                collect(value, nodes);
            }
        }
        _ => {}
    }
}

fn is_a(node: &Object, wanted: impl Fn(&str) -> bool) -> bool {
    let local = |kind: &Value| {
        kind.as_str().is_some_and(|kind| wanted(kind.rsplit(['/', ':', '#']).next().unwrap_or(kind)))
    };
    match node.get("@type") {
        Some(Value::Array(kinds)) => kinds.iter().any(local),
        Some(kind) => local(kind),
        None => false,
    }
}

/// All nodes of a page. They may refer to each other by `@id`.
struct Graph<'a>(HashMap<&'a str, &'a Object>);

impl<'a> Graph<'a> {
    fn of(nodes: &'a [Object]) -> Self {
        let mut by_id = HashMap::new();
        for node in nodes.iter().filter(|node| node.len() > 1) {
            if let Some(id) = node.get("@id").and_then(Value::as_str) {
                by_id.entry(id).or_insert(node);
            }
        }
        Self(by_id)
    }

    fn article(&self, article: &Object) -> Facts {
        let texts =
            |names: &[&str]| names.iter().filter_map(|name| text(article.get(*name)?)).collect::<Vec<_>>();
        let mut authors: Vec<String> = Vec::new();
        for name in ["author", "creator"] {
            if authors.is_empty() {
                article.get(name).into_iter().for_each(|value| self.names(value, &mut authors, MAX_STEPS));
            }
        }
        authors.retain(|name| byline::is_name(name) || name.contains(", "));
        let mut publishers = Vec::new();
        article.get("publisher").into_iter().for_each(|value| self.names(value, &mut publishers, MAX_STEPS));
        let mut pictures = Vec::new();
        for (name, place) in [
            ("image", Place::JsonLd),
            ("primaryImageOfPage", Place::JsonLd),
            ("thumbnailUrl", Place::Thumbnail),
        ] {
            article.get(name).into_iter().for_each(|value| self.pictures(value, place, &mut pictures));
        }
        let mut urls = Vec::new();
        for name in ["url", "mainEntityOfPage"] {
            article.get(name).into_iter().for_each(|value| self.addresses(value, &mut urls, MAX_STEPS));
        }
        let sourced = |texts: Vec<String>| texts.into_iter().map(|text| (Source::JsonLd, text)).collect();
        Facts {
            titles: sourced(texts(&["headline", "name"])),
            deks: texts(&["description", "abstract"]),
            authors: (!authors.is_empty())
                .then(|| (Source::JsonLd, authors.join(", ")))
                .into_iter()
                .collect(),
            section: texts(&["articleSection"]).into_iter().next(),
            site_name: publishers.into_iter().next(),
            pictures,
            image_alt: None,
            dates: sourced(
                ["datePublished", "dateCreated", "uploadDate"]
                    .iter()
                    .filter_map(|name| match article.get(*name)? {
                        Value::Number(seconds) => Some(seconds.to_string()),
                        value => text(value),
                    })
                    .collect(),
            ),
            language: texts(&["inLanguage"]).into_iter().next(),
            urls,
            slogans: Vec::new(),
        }
    }

    /// Collects names of people or organisations from a string, an object with a name, a reference, or a list
    /// of these.
    fn names(&self, value: &Value, names: &mut Vec<String>, steps: usize) {
        if steps == 0 || names.len() >= MAX_VALUES {
            return;
        }
        budget::count(1);
        match value {
            Value::Array(values) => {
                for value in values.iter().take(MAX_VALUES) {
                    self.names(value, names, steps - 1);
                }
            }
            Value::Object(node) => {
                if let Some(name) = node.get("name").or_else(|| self.referred(node)?.get("name")) {
                    self.names(name, names, steps - 1);
                } else if let (Some(given), Some(family)) =
                    (node.get("givenName").and_then(text), node.get("familyName").and_then(text))
                {
                    names.push(format!("{given} {family}"));
                }
            }
            value => {
                let name = text(value).and_then(|name| byline::names(&name));
                names.extend(name.filter(|name| !names.contains(name)));
            }
        }
    }

    fn pictures(&self, value: &Value, place: Place, pictures: &mut Vec<NamedPicture>) {
        let values = match value {
            Value::Array(values) => &values[..values.len().min(MAX_VALUES)],
            value => std::slice::from_ref(value),
        };
        for value in values {
            let node = value.as_object().map(|node| self.referred(node).unwrap_or(node));
            let width = node.and_then(|node| match node.get("width")? {
                Value::Number(width) => u32::try_from(width.as_u64()?).ok(),
                width => text(width)?.trim_end_matches("px").trim().parse().ok(),
            });
            let mut addresses = Vec::new();
            self.addresses(value, &mut addresses, MAX_STEPS);
            pictures.extend(addresses.into_iter().map(|address| NamedPicture { address, place, width }));
        }
    }

    /// Collects addresses from a string, an object with an address, or a list of these.
    fn addresses(&self, value: &Value, addresses: &mut Vec<String>, steps: usize) {
        if steps == 0 || addresses.len() >= MAX_VALUES {
            return;
        }
        budget::count(1);
        match value {
            Value::String(address) => addresses.push(address.clone()),
            Value::Array(values) => {
                values.iter().take(MAX_VALUES).for_each(|value| self.addresses(value, addresses, steps - 1));
            }
            Value::Object(node) => {
                let inner = ["url", "contentUrl", "@list"].iter().find_map(|name| node.get(*name));
                let referred = || {
                    self.referred(node).and_then(|node| node.get("url").or_else(|| node.get("contentUrl")))
                };
                if let Some(inner) = inner.or_else(referred).or_else(|| node.get("@id")) {
                    self.addresses(inner, addresses, steps - 1);
                }
            }
            _ => {}
        }
    }

    fn referred(&self, reference: &Object) -> Option<&'a Object> {
        budget::count(1);
        self.0.get(reference.get("@id")?.as_str()?).copied()
    }
}

/// Returns a string, or the first of a list.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            Some(markup::plain(markup::head(text))).filter(|text| !metadata::is_nothing(text))
        }
        Value::Array(values) => values.iter().find_map(text),
        Value::Object(node) => node.get("@value").and_then(text),
        _ => None,
    }
}
