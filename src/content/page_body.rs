//! Title, author and date that a page shows in its body.

use crate::content::{
    byline,
    date_words::DayOrder,
    dates, markup,
    metadata::Facts,
    page_pictures::{NamedPicture, Place},
    page_title::Source,
};
use dom_query::{Document, NodeRef};

/// Elements that show names, the most reliable first.
const AUTHORS: &[&str] = &[
    "[itemprop~=author] [itemprop~=name]",
    "[itemprop~=author]",
    "[rel~=author]",
    ".p-author",
    "[class*=byline], [id=byline]",
    "[class*=author-name], [class*=author_name], [class*=authorname]",
    "[class~=author], [class*=post-author], [class*=article-author], [class*=entry-author]",
    "[data-testid*=byline], [data-test*=byline], [class~=contributor], [class*=contributor-name]",
];
/// Elements that show the date of publication, the most reliable first.
const DATES: &[&str] = &[
    "[itemprop~=datePublished]",
    "time[pubdate]",
    "[class~=published], [class~=dt-published], [class*=entry-date], [class*=post-date], [class*=publish-date], \
     [class*=pubdate], [class*=article-date], [class*=article__date]",
    "article time, main time",
    "time",
    "relative-time[datetime], time-ago[datetime]",
    "[class~=date], [class~=dateline], [class*=timestamp], [class*=posted-on], [class*=published], [class~=created], \
     [class~=datum], [class~=fecha]",
    "[class*=post-meta], [class*=entry-meta], [class*=article-meta], [class*=article-info], [class~=meta], \
     [class*=byline]",
];
/// Attributes with the date of the element's text.
const DATE_ATTRIBUTES: &[&str] =
    &["datetime", "content", "title", "data-datetime", "data-timestamp", "data-date", "data-time"];
/// Parts of class names and ids of elements outside the article.
const BESIDE: &[&str] =
    &["comment", "related", "sidebar", "recommend", "teaser", "promo", "popular", "widget"];
/// Most elements that are read per selector.
const MAX_NODES: usize = 8;
/// Longest line, in characters, that can be a byline or a date.
const MAX_LINE_CHARS: usize = 200;
/// Most elements that are read behind the headline, and levels around it.
const MAX_BEHIND_HEADLINE: usize = 5;
const MAX_LEVELS: usize = 3;
/// Longest line, in characters, that is nothing but a date.
const MAX_DATE_CHARS: usize = 80;
/// Parts of words, in lower case, of dates of later changes.
const UPDATES: &[&str] =
    &["update", "aktualis", "jour", "modif", "actualiz", "atualiz", "aggiorn", "bijgewerkt"];
/// Most paragraphs that are read, and longest one in characters.
const MAX_PARAGRAPHS: usize = 30;
const MAX_PARAGRAPH_CHARS: usize = 2_000;

/// Returns the facts in `page`'s body.
pub fn facts(page: &Document, order: DayOrder) -> Facts {
    let headings = page.select("h1");
    let headings = headings.nodes().iter().take(MAX_NODES).map(heading_text);
    let dates = shown(page, DATES).flat_map(|(node, text)| {
        let attributes = DATE_ATTRIBUTES.iter().filter_map(|name| node.attr(name));
        let found = dates::find(&text, order).map(|at| at.to_string());
        attributes
            .map(|said| said.to_string())
            .filter(|said| dates::parse_ordered(said, order).is_some())
            .chain(found)
            .collect::<Vec<_>>()
    });
    Facts {
        titles: headings.filter(|title| !title.is_empty()).map(|title| (Source::Heading, title)).collect(),
        authors: authors(page).map(|author| (Source::Heading, author)).into_iter().collect(),
        dates: dates
            .chain(dates_behind_headline(page, order))
            .take(2)
            .map(|date| (Source::Heading, date))
            .collect(),
        pictures: pictures(page),
        ..Facts::default()
    }
}

/// Returns a heading's text, or the description of the logo in it.
fn heading_text(heading: &NodeRef<'_>) -> String {
    let text = markup::text_of(heading);
    if !text.is_empty() {
        return text;
    }
    let mut below = heading.descendants_it().take(MAX_NODES);
    let alt = below.find_map(|node| node.attr("alt"));
    alt.map(|alt| markup::collapse(&alt)).unwrap_or_default()
}

/// Returns the first second-level heading of the article.
pub fn second_heading(page: &Document) -> Option<String> {
    let headings = page.select("[itemprop~=headline], article h2, main h2, h2");
    let mut headings = headings.nodes().iter().take(MAX_NODES).filter(|node| !is_beside(node));
    headings.find_map(|heading| Some(markup::text_of(heading)).filter(|text| !text.is_empty()))
}

/// Returns the first paragraphs outside captions.
pub fn paragraphs(page: &Document) -> Vec<String> {
    let paragraphs = page.select("p");
    let paragraphs = paragraphs.nodes().iter().take(MAX_PARAGRAPHS).filter(|node| {
        let is_caption = |node: &NodeRef<'_>| node.node_name().as_deref() == Some("figure");
        !is_beside(node) && !node.ancestors(Some(5)).iter().any(is_caption)
    });
    let texts = paragraphs.map(markup::text_of);
    texts.filter(|text| !text.is_empty() && text.chars().count() <= MAX_PARAGRAPH_CHARS).collect()
}

/// Returns the names that the page shows, separated by ", ": those of the first element that has one, and of
/// elements of the same kind beside it.
fn authors(page: &Document) -> Option<String> {
    let names_in = |node: &NodeRef<'_>| {
        let said = node.attr("content").map_or_else(|| markup::lines_of(node), |content| content.to_string());
        said.lines().find_map(byline::names)
    };
    AUTHORS.iter().find_map(|selector| {
        let mut names: Vec<String> = Vec::new();
        let mut parent = None;
        for (node, _) in shown(page, std::slice::from_ref(selector)) {
            let Some(name) = names_in(&node) else { continue };
            let own = node.parent().map(|parent| parent.id);
            if parent.is_none() {
                parent = own;
            } else if parent != own || !byline::is_person(&name) {
                continue;
            }
            if !names.iter().any(|known| known.contains(&name)) {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| names.join(", "))
    })
}

/// Returns the dates in the lines behind the headline that hold nothing else.
fn dates_behind_headline(page: &Document, order: DayOrder) -> Vec<String> {
    let headline = page.select("h1").nodes().first().copied();
    let levels = std::iter::successors(headline, |node| {
        node.parent().filter(|parent| !matches!(parent.node_name().as_deref(), Some("body" | "html")))
    });
    let mut dates = Vec::new();
    for level in levels.take(MAX_LEVELS) {
        let behind = std::iter::successors(level.next_sibling(), NodeRef::next_sibling);
        let elements =
            behind.take(4 * MAX_BEHIND_HEADLINE).filter(NodeRef::is_element).take(MAX_BEHIND_HEADLINE);
        for element in elements.filter(|it| !is_outside(it) && !is_beside(it)) {
            let lines = markup::lines_of(&element);
            let lines = lines.lines().take(MAX_NODES).filter(|line| line.chars().count() <= MAX_DATE_CHARS);
            let is_update = |line: &str| UPDATES.iter().any(|word| line.to_lowercase().contains(word));
            let is_day =
                |line: &&str| line.bytes().filter(u8::is_ascii_digit).count() >= 5 && !is_update(line);
            let read = lines.filter(is_day).filter_map(|line| dates::parse_ordered(line, order));
            dates.extend(read.map(|at| at.to_string()));
        }
    }
    dates
}

/// Returns the matching elements that belong to the article, with their text.
fn shown<'p>(
    page: &'p Document,
    selectors: &'static [&'static str],
) -> impl Iterator<Item = (NodeRef<'p>, String)> {
    selectors.iter().flat_map(move |selector| {
        let nodes = page.select(selector);
        let nodes: Vec<NodeRef<'p>> = nodes.nodes().iter().take(MAX_NODES).copied().collect();
        nodes.into_iter().filter(|node| !is_beside(node)).filter_map(|node| {
            let text = markup::text_of(&node);
            (text.chars().count() <= MAX_LINE_CHARS).then_some((node, text))
        })
    })
}

/// Returns whether an element is in a part outside the article, such as a comment.
fn is_beside(node: &NodeRef<'_>) -> bool {
    node.ancestors(Some(20)).iter().any(is_outside)
}

/// Returns whether an element is itself such a part.
fn is_outside(node: &NodeRef<'_>) -> bool {
    let name = node.node_name();
    let is_other = matches!(name.as_deref(), Some("aside" | "footer" | "nav"));
    let marks = ["class", "id"].iter().filter_map(|mark| node.attr(mark));
    // Classes of the whole page are on its body.
    let is_body = matches!(name.as_deref(), Some("body" | "html" | "main" | "article"));
    let is_beside = |mark: String| BESIDE.iter().any(|word| mark.contains(word));
    is_other || (!is_body && marks.map(|mark| mark.to_lowercase()).any(is_beside))
}

fn pictures(page: &Document) -> Vec<NamedPicture> {
    let images = page.select("article img, main img, figure img");
    let images = images.nodes().iter().take(MAX_NODES).filter(|img| !markup::is_too_small(img));
    images
        .filter_map(|img| {
            let address = markup::picture_source(img)?;
            Some(NamedPicture { address, place: Place::Text, width: None })
        })
        .collect()
}
