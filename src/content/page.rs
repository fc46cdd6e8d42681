//! Parses a page into an article.
//!
//! Sources are tried in the order of their reliability: JSON-LD, then `<meta>`, then the visible page. A
//! value that two sources agree on takes precedence over the first one. Mozilla's Readability (dom_smoothie's
//! port to Rust) extracts the article's text.

use dom_query::Document;
use dom_smoothie::{Config, Readability, TextMode};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::{
    content::{
        budget::{Budget, OverBudget},
        byline, charset,
        date_words::DayOrder,
        dates, json_ld, markup,
        metadata::{self, Facts},
        nesting, page_body, page_pictures,
        page_title::{self, Source},
        saved_text,
    },
    domain::content::article::{FoundArticle, paragraphs, title_key},
};

/// Most elements of a page whose text is extracted.
const MAX_ELEMENTS: usize = 50_000;
/// Largest page, in bytes and in character references, whose text is extracted. Extraction takes quadratic
/// time for references.
const MAX_SEARCHED_BYTES: usize = 3_000_000;
const MAX_SEARCHED_REFERENCES: usize = 10_000;

/// Last path segments of a page's variants.
const VARIANTS: &[&str] =
    &["", "amp", "amp.html", "index.amp", "print", "comments", "all", "full", "single", "mobile"];
/// Bytes of the text in which the first paragraph is searched.
const SEARCHED_TEXT_BYTES: usize = 20_000;
/// Shortest paragraph that can be a dek, in characters …
const MIN_DEK_CHARS: usize = 40;
/// … unless it is a sentence of at least this many characters.
const MIN_SENTENCE_CHARS: usize = 20;

/// The reason why a page is not an article.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Only white space.
    #[error("the page is empty; check the address in a browser")]
    Empty,
    /// An image, a PDF or an archive.
    #[error("this is no web page but {kind}; give the address of the article itself")]
    NotAPage {
        /// The detected kind.
        kind: String,
    },
    /// A page without a title.
    #[error(
        "the page has no title: neither structured data, nor og:title, nor <title>, nor a first heading; give the \
             article a title by hand"
    )]
    NoTitle,
    /// A page that takes too much work, which only a hostile one does.
    #[error("reading the page takes too much work")]
    TooMuchWork,
}

impl From<OverBudget> for PageError {
    fn from(_: OverBudget) -> Self {
        Self::TooMuchWork
    }
}

/// Parses an article's page: HTML, or text that a browser saved. `url` is the page's address.
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

/// Returns the kind of document if it is not prose: a feed, by its beginning, or binary data, by its control
/// characters.
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
    let budget = Budget::for_bytes(html.len());
    let page = Document::from(nesting::bounded(html).as_ref());
    let own_base = page.select("base[href]").nodes().first().and_then(|node| node.attr("href"));
    let own_base = own_base.and_then(|href| markup::web_address(&href, url));
    let base = own_base.as_ref().or(url);

    let facts = json_ld::facts(&page).or(metadata::facts(&page));
    let order = DayOrder::of(facts.language.as_deref());
    let mut facts = facts.or(page_body::facts(&page, order));
    for (_, title) in &mut facts.titles {
        *title = markup::mended(std::mem::take(title));
    }
    if facts.titles.is_empty() {
        facts.titles.extend(page_body::second_heading(&page).map(|title| (Source::Heading, title)));
    }
    let paragraphs_shown = page_body::paragraphs(&page);
    budget.check()?;
    let named_url = canonical(&facts.urls, base, url);
    let names_its_url = named_url.is_some();
    let own_url = named_url.or_else(|| url.cloned());
    let title = page_title::agreed(&facts.titles, facts.site_name.as_deref(), own_url.as_ref())
        .ok_or(PageError::NoTitle)?;
    let searched = html.len() <= MAX_SEARCHED_BYTES
        && html.bytes().filter(|byte| *byte == b'&').count() <= MAX_SEARCHED_REFERENCES;
    let readable = if searched { readable(page, own_url.as_ref()) } else { None };
    let text = readable.as_ref().map(|article| paragraphs(&article.text_content, usize::MAX / 8));
    let text = text.map(|text| without_heading(text, &facts.titles));
    let dek = dek(&facts, &title, text.as_deref().unwrap_or_default());
    let dek = dek.or_else(|| shown_paragraph(&paragraphs_shown, text.as_deref()?, &title));
    let dek = dek.or_else(|| first_paragraph(text.as_deref()?, &title));
    let shown = readable.as_ref().and_then(|article| byline::names(article.byline.as_deref()?));
    facts.authors.extend(shown.map(|author| (Source::Heading, author)));
    let mut pictures = page_pictures::ranked(&facts.pictures, base.or(own_url.as_ref())).into_iter();
    Ok(FoundArticle {
        dek,
        author: author(&facts),
        section: facts.section,
        site_name: facts.site_name,
        image_url: pictures.next(),
        other_images: pictures.collect(),
        image_alt: facts.image_alt.as_deref().and_then(markup::alt),
        published_at: published_at(&facts.dates, order, own_url.as_ref().or(url)),
        language: facts.language,
        text,
        found_at: url.cloned(),
        url: own_url,
        names_its_url,
        ..FoundArticle::titled(title)
    }
    .tidy())
}

/// Returns the address that the page gives as its own. Ignores one that points from an article to the site's
/// front page, or to the section above it, because that is a mistake.
fn canonical(said: &[String], base: Option<&Url>, url: Option<&Url>) -> Option<Url> {
    let is_front = |url: &Url| url.path() == "/" && url.query().is_none();
    let mut said = said.iter().filter_map(|address| markup::web_address(address, base));
    let is_meant =
        |said: &Url| url.is_none_or(|url| (!is_front(said) || is_front(url)) && !is_above(said, url));
    said.find(is_meant)
}

/// Returns whether an address is that of a parent section, as opposed to the page without its variant.
fn is_above(said: &Url, url: &Url) -> bool {
    let behind =
        url.path().strip_prefix(said.path().trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    let is_variant =
        |segment: &str| VARIANTS.contains(&segment) || segment.bytes().all(|byte| byte.is_ascii_digit());
    said.host_str() == url.host_str()
        && said.query().is_none()
        && behind.is_some_and(|rest| !rest.split('/').all(is_variant) && rest.contains(['-', '_', '.']))
}

/// Returns the author line that another source confirms, else the first one. The site's own name comes last.
fn author(facts: &Facts) -> Option<String> {
    let words = |line: &str| {
        let key = title_key(line);
        let mut words: Vec<String> =
            key.split(' ').filter(|word| *word != "and").map(str::to_owned).collect();
        words.sort();
        words
    };
    let site = facts.site_name.as_deref().map(title_key);
    let people: Vec<&(Source, String)> =
        facts.authors.iter().filter(|(_, line)| Some(title_key(line)) != site).collect();
    let people = if people.is_empty() { facts.authors.iter().collect() } else { people };
    let is_agreed = |(source, line): &&&(Source, String)| {
        people.iter().any(|(other, others)| other != source && words(others) == words(line))
    };
    let (_, line) = people.iter().find(is_agreed).or(people.first())?;
    // A name in capitals is how one place shows it.
    let is_capitals = |line: &str| !line.contains(char::is_lowercase) && line.contains(' ');
    let spelled = people.iter().find(|(_, other)| !is_capitals(other) && words(other) == words(line));
    Some(spelled.filter(|_| is_capitals(line)).map_or(line, |(_, other)| other).clone())
}

/// Returns the date of publication: the first whose day another source confirms, else the first. A source
/// with the time of day takes precedence. A page without a date may have the day in its address.
fn published_at(said: &[(Source, String)], order: DayOrder, url: Option<&Url>) -> Option<Timestamp> {
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    let read: Vec<(Source, Timestamp)> = said
        .iter()
        .take(12)
        .filter_map(|(source, date)| {
            Some((*source, dates::parse_ordered(date, order).or_else(|| dates::find(date, order))?))
        })
        .collect();
    let is_same_day = |a: Timestamp, b: Timestamp| a.duration_since(b).abs() < DAY;
    let is_agreed = |(source, at): &&(Source, Timestamp)| {
        read.iter().any(|(other, others)| other != source && is_same_day(*at, *others))
    };
    let Some((_, at)) = read.iter().find(is_agreed).or(read.first()) else {
        return in_address(url?);
    };
    let is_midnight = |at: Timestamp| at.as_second() % DAY.as_secs() == 0;
    let exact =
        read.iter().map(|(_, other)| *other).find(|other| is_same_day(*at, *other) && !is_midnight(*other));
    Some(exact.filter(|_| is_midnight(*at)).unwrap_or(*at))
}

/// Returns the day in an address such as `/2024/05/14/a-story`, `/2024/may/14/a-story`, `/2024-05-14-a-story` or
/// `/20240514/a-story`.
fn in_address(url: &Url) -> Option<Timestamp> {
    let segments: Vec<&str> = url.path_segments()?.take(10).collect();
    let is_number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_day = |year: &str, month: &str, day: &str| {
        let is_month = is_number(month, 1..=2) || month.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_number(year, 4..=4) && is_month && is_number(day, 1..=2)
    };
    let in_three = segments.windows(3).find_map(|it| {
        let [year, month, day] = it else { return None };
        is_day(year, month, day).then(|| dates::parse(&format!("{year}-{month}-{day}"))).flatten()
    });
    let in_one = || {
        segments.iter().find_map(|segment| {
            let parts: Vec<&str> = segment.splitn(4, '-').collect();
            match parts[..] {
                [year, month, day] | [year, month, day, _] if is_day(year, month, day) => {
                    dates::parse(&format!("{year}-{month}-{day}"))
                }
                [all] if is_number(all, 8..=8) && all.starts_with("20") => dates::parse(all),
                _ => None,
            }
        })
    };
    in_three.or_else(in_one)
}

/// Returns the first paragraph of the text that is a sentence and doesn't repeat the title.
fn first_paragraph(text: &str, title: &str) -> Option<String> {
    let title = title_key(title);
    text.split("\n\n").map(str::trim).find(|part| is_dek(part, &title)).map(str::to_owned)
}

/// Returns the first paragraph of the page that is a sentence and part of the text. The text may have a caption
/// before it in the same paragraph.
fn shown_paragraph(shown: &[String], text: &str, title: &str) -> Option<String> {
    let title = title_key(title);
    let first = shown.iter().find(|part| is_dek(part, &title))?;
    let head = &text[..text.floor_char_boundary(SEARCHED_TEXT_BYTES)];
    head.contains(first.as_str()).then(|| first.clone())
}

/// Returns whether a paragraph says something. `title` is the key of the page's title.
fn is_dek(part: &str, title: &str) -> bool {
    let chars = part.chars().count();
    let is_sentence = part.ends_with(['.', '!', '?', '…', '。', '”', '"']);
    (chars >= MIN_DEK_CHARS || (is_sentence && chars >= MIN_SENTENCE_CHARS)) && title_key(part) != title
}

/// Returns the first description of the article that is neither its title nor the site's slogan.
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

/// Removes the headline that often begins the text.
fn without_heading(text: String, titles: &[(Source, String)]) -> String {
    match text.split_once("\n\n") {
        Some((first, rest)) if titles.iter().any(|(_, title)| title_key(title) == title_key(first)) => {
            rest.to_owned()
        }
        _ => text,
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "page_fault_tests.rs"]
mod fault_tests;
