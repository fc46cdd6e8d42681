//! A page's bytes to an article.
//!
//! A page is asked in the order in which publishers take care: JSON-LD, then the `<meta>` of the various schools, then
//! what it shows. Which text is the article's is Mozilla's Readability's to say, in dom_smoothie's Rust.

use dom_query::Document;
use dom_smoothie::{Config, Readability, TextMode};
use url::Url;

use crate::{
    content::{
        charset, dates, json_ld, markup,
        metadata::{self, Facts},
        nesting, saved_text,
    },
    domain::content::article::{FoundArticle, MAX_AUTHOR_CHARS, paragraphs, title_key},
};

/// A page with more elements than this is not searched for its text.
const MAX_ELEMENTS: usize = 50_000;
/// Nor is a longer one, or one with more character references: the search takes quadratic time for those.
const MAX_SEARCHED_BYTES: usize = 3_000_000;
const MAX_SEARCHED_REFERENCES: usize = 20_000;

/// What stands between a title and the site's name.
const TITLE_SEPARATORS: &[&str] =
    &[" - ", " | ", " – ", " — ", " · ", " • ", " :: ", " : ", " » ", " « ", " / ", "|"];

/// Why a page is not read as an article.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Nothing but white space.
    #[error("the page is empty; check the address in a browser")]
    Empty,
    /// An image, a PDF, an archive.
    #[error("this is no web page but {kind}; give the address of the article itself")]
    NotAPage {
        /// What it seems to be.
        kind: String,
    },
    /// A page that nowhere says what it is called.
    #[error(
        "the page has no title: neither structured data, nor og:title, nor <title>, nor a first heading; give the \
             article a title by hand"
    )]
    NoTitle,
}

/// Reads an article's page: HTML, or text as a browser saves it. `url` is where it was found.
pub fn read_page(
    body: &[u8],
    content_type: Option<&str>,
    url: Option<&Url>,
) -> Result<FoundArticle, PageError> {
    let kind =
        content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    if let Some(kind) = not_a_page(body, &kind) {
        return Err(PageError::NotAPage { kind });
    }
    let text = charset::decode(body, content_type);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    if text.is_empty() {
        return Err(PageError::Empty);
    }
    if let Some(kind) = not_prose(text) {
        return Err(PageError::NotAPage { kind: kind.to_owned() });
    }
    if is_saved_text(text, &kind) {
        let mut article = saved_text::read(text).ok_or(PageError::NoTitle)?;
        article.url = url.cloned();
        return Ok(article.tidy());
    }
    read_html(text, url)
}

/// What begins like a feed is one; what is full of control characters is no text at all.
fn not_prose(text: &str) -> Option<&'static str> {
    let head: String = text.chars().take(2_000).collect();
    let start = head.trim_start_matches(|c: char| c != '<').to_ascii_lowercase();
    if !head.to_ascii_lowercase().contains("<html")
        && ["<rss", "<feed", "<rdf:rdf"].iter().any(|tag| start.contains(tag))
    {
        return Some("a feed (see `daily feed add`)");
    }
    let odd = head.chars().filter(|c| c.is_control() && !c.is_whitespace());
    (odd.count() * 20 > head.chars().count()).then_some("a file of bytes that are no text")
}

fn not_a_page(body: &[u8], kind: &str) -> Option<String> {
    let magic: &[(&[u8], &str)] = &[
        (b"%PDF-", "a PDF"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"GIF8", "a picture"),
        (b"PK\x03\x04", "an archive"),
    ];
    if let Some((_, what)) = magic.iter().find(|(magic, _)| body.starts_with(magic)) {
        return Some((*what).to_owned());
    }
    let strange =
        ["image/", "audio/", "video/", "font/", "application/pdf", "application/zip", "application/json"];
    strange.iter().any(|prefix| kind.starts_with(prefix)).then(|| kind.to_owned())
}

fn is_saved_text(text: &str, kind: &str) -> bool {
    if matches!(kind, "text/html" | "application/xhtml+xml") {
        return false;
    }
    let head: String = text.chars().take(5_000).collect::<String>().to_ascii_lowercase();
    !["<!doctype", "<html", "<head", "<body", "<meta", "<title", "<div", "<p>", "<article", "<h1", "<?xml"]
        .iter()
        .any(|tag| head.contains(tag))
}

fn read_html(html: &str, url: Option<&Url>) -> Result<FoundArticle, PageError> {
    let page = Document::from(nesting::bounded(html).as_ref());
    let own_base = page.select("base[href]").nodes().first().and_then(|node| node.attr("href"));
    let own_base = own_base.and_then(|href| markup::web_address(&href, url));
    let base = own_base.as_ref().or(url);

    let facts = json_ld::facts(&page).or(metadata::facts(&page));
    let own_url = canonical(&facts.urls, base, url);
    let title = title(&facts, own_url.as_ref()).ok_or(PageError::NoTitle)?;
    let searched = html.len() <= MAX_SEARCHED_BYTES
        && html.bytes().filter(|byte| *byte == b'&').count() <= MAX_SEARCHED_REFERENCES;
    let readable = if searched { readable(page, own_url.as_ref()) } else { None };
    let text = readable.as_ref().map(|article| paragraphs(&article.text_content, usize::MAX / 8));
    let text = text.map(|text| without_heading(text, &facts.titles));
    let dek = dek(&facts, &title, text.as_deref().unwrap_or_default());
    let byline = || readable.as_ref().and_then(|article| author_line(article.byline.as_deref()?));
    Ok(FoundArticle {
        dek,
        author: facts.author.or_else(byline),
        section: facts.section,
        site_name: facts.site_name,
        image_url: facts.images.iter().find_map(|image| markup::picture(image, base.or(own_url.as_ref()))),
        image_alt: facts.image_alt.as_deref().and_then(markup::alt),
        published_at: facts.dates.iter().find_map(|date| dates::parse(date)),
        language: facts.language,
        text,
        url: own_url,
        ..FoundArticle::titled(title)
    }
    .tidy())
}

/// The address the page gives itself. One that points from an article to the site's front page is a mistake.
fn canonical(said: &[String], base: Option<&Url>, url: Option<&Url>) -> Option<Url> {
    let is_front = |url: &Url| url.path() == "/" && url.query().is_none();
    let mut said = said.iter().filter_map(|address| markup::web_address(address, base));
    said.find(|said| !is_front(said) || url.is_none_or(is_front)).or_else(|| url.cloned())
}

fn title(facts: &Facts, url: Option<&Url>) -> Option<String> {
    let site_key = facts.site_name.as_deref().map(title_key);
    // A page that calls itself what its site is called says nothing; if all do, so be it.
    let telling =
        facts.titles.iter().find(|title| Some(title_key(title)) != site_key).or(facts.titles.first())?;
    Some(without_site(telling, facts.site_name.as_deref(), url)).filter(|title| !title.is_empty())
}

/// A title without the site's name behind (or before) it, as the page or its address gives that name.
fn without_site(title: &str, site: Option<&str>, url: Option<&Url>) -> String {
    let host = url.and_then(Url::host_str).unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    let names: Vec<String> = [site.unwrap_or_default(), host].iter().map(|name| title_key(name)).collect();
    let is_site = |part: &str| {
        Some(title_key(part)).filter(|key| !key.is_empty()).is_some_and(|key| names.contains(&key))
    };
    for separator in TITLE_SEPARATORS {
        if let Some((head, tail)) = title.rsplit_once(separator)
            && is_site(tail)
            && !head.trim().is_empty()
        {
            return head.trim().to_owned();
        }
        if let Some((head, tail)) = title.split_once(separator)
            && is_site(head)
            && !tail.trim().is_empty()
        {
            return tail.trim().to_owned();
        }
    }
    title.to_owned()
}

/// The first description that is about the article: not its title again, not the site's slogan.
fn dek(facts: &Facts, title: &str, text: &str) -> Option<String> {
    let title = title_key(title);
    let shown: String = title_key(&text.chars().take(4_000).collect::<String>());
    let slogans: Vec<String> = facts.slogans.iter().map(|slogan| title_key(slogan)).collect();
    let site = facts.site_name.as_deref().map(title_key).unwrap_or_default();
    let about = |dek: &&String| {
        let key = title_key(dek);
        let shares_a_word = key
            .split(' ')
            .filter(|word| word.chars().count() >= 5 && !site.contains(word))
            .any(|word| title.contains(word) || shown.contains(word));
        let of_the_site = !site.is_empty() && key.contains(&site) && !shares_a_word;
        !key.is_empty() && !title.starts_with(&key) && key != site && !slogans.contains(&key) && !of_the_site
    };
    facts.deks.iter().find(about).cloned()
}

fn readable(page: Document, url: Option<&Url>) -> Option<dom_smoothie::Article> {
    let config = Config {
        text_mode: TextMode::Formatted,
        max_elements_to_parse: MAX_ELEMENTS,
        disable_json_ld: true,
        ..Config::default()
    };
    let mut readability = Readability::with_document(page, url.map(Url::as_str), Some(config)).ok()?;
    readability.parse().inspect_err(|error| tracing::debug!(%error, "no readable text found")).ok()
}

/// The text without the headline that often opens it.
fn without_heading(text: String, titles: &[String]) -> String {
    match text.split_once("\n\n") {
        Some((first, rest)) if titles.iter().any(|title| title_key(title) == title_key(first)) => {
            rest.to_owned()
        }
        _ => text,
    }
}

/// A byline as pages show it, reduced to the names: no "By", no date behind.
fn author_line(byline: &str) -> Option<String> {
    let line = markup::collapse(byline);
    let mut words: Vec<&str> = metadata::without_by(&line).split(' ').collect();
    for tail in [3, 4] {
        if words.len() > tail && dates::parse(&words[words.len() - tail..].join(" ")).is_some() {
            words.truncate(words.len() - tail);
            break;
        }
    }
    let line = words.join(" ").trim_end_matches([',', '|', '·', '-', '–', ' ']).to_owned();
    (metadata::is_name(&line) && line.chars().count() <= MAX_AUTHOR_CHARS / 2).then_some(line)
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
