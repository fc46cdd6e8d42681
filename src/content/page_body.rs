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
];
/// Elements that show the date of publication, the most reliable first.
const DATES: &[&str] = &[
    "[itemprop~=datePublished]",
    "time[pubdate]",
    "[class~=published], [class~=dt-published], [class*=entry-date], [class*=post-date], [class*=publish-date], \
     [class*=pubdate], [class*=article-date], [class*=article__date]",
    "article time, main time",
    "time",
    "[class~=date], [class~=dateline], [class~=timestamp], [class*=byline]",
];
/// Parts of class names and ids of elements outside the article.
const BESIDE: &[&str] =
    &["comment", "related", "sidebar", "recommend", "teaser", "promo", "popular", "widget"];
/// Most elements that are read per selector.
const MAX_NODES: usize = 8;
/// Longest line, in characters, that can be a byline or a date.
const MAX_LINE_CHARS: usize = 200;

/// Returns the facts in `page`'s body.
pub fn facts(page: &Document, order: DayOrder) -> Facts {
    let headings = page.select("h1");
    let headings = headings.nodes().iter().take(MAX_NODES).map(markup::text_of);
    let authors = shown(page, AUTHORS).filter_map(|(node, text)| {
        let said = node.attr("content").map_or(text, |content| content.to_string());
        byline::names(&said)
    });
    let dates = shown(page, DATES).flat_map(|(node, text)| {
        let attributes = ["datetime", "content", "title"].iter().filter_map(|name| node.attr(name));
        let found = dates::find(&text, order).map(|at| at.to_string());
        attributes
            .map(|said| said.to_string())
            .filter(|said| dates::parse_ordered(said, order).is_some())
            .chain(found)
            .collect::<Vec<_>>()
    });
    Facts {
        titles: headings.filter(|title| !title.is_empty()).map(|title| (Source::Heading, title)).collect(),
        authors: authors.take(1).map(|author| (Source::Heading, author)).collect(),
        dates: dates.take(2).map(|date| (Source::Heading, date)).collect(),
        pictures: pictures(page),
        ..Facts::default()
    }
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
    node.ancestors(Some(20)).iter().any(|ancestor| {
        let name = ancestor.node_name();
        let is_other = matches!(name.as_deref(), Some("aside" | "footer" | "nav"));
        let marks = ["class", "id"].iter().filter_map(|mark| ancestor.attr(mark));
        // Classes of the whole page are on its body.
        let is_body = matches!(name.as_deref(), Some("body" | "html" | "main" | "article"));
        is_other
            || (!is_body
                && marks
                    .map(|mark| mark.to_lowercase())
                    .any(|mark| BESIDE.iter().any(|word| mark.contains(word))))
    })
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
