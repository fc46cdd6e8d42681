//! What a page shows of its article's title, author and date, outside its head.

use crate::content::{
    byline,
    date_words::DayOrder,
    dates, markup,
    metadata::Facts,
    page_pictures::{NamedPicture, Place},
    page_title::Source,
};
use dom_query::{Document, NodeRef};

/// Where pages show names, the most certain first.
const AUTHORS: &[&str] = &[
    "[itemprop~=author] [itemprop~=name]",
    "[itemprop~=author]",
    "[rel~=author]",
    ".p-author",
    "[class*=byline], [id=byline]",
    "[class*=author-name], [class*=author_name], [class*=authorname]",
    "[class~=author], [class*=post-author], [class*=article-author], [class*=entry-author]",
];
/// Where pages show when they were published, the most certain first.
const DATES: &[&str] = &[
    "[itemprop~=datePublished]",
    "time[pubdate]",
    "[class~=published], [class~=dt-published], [class*=entry-date], [class*=post-date], [class*=publish-date], \
     [class*=pubdate], [class*=article-date], [class*=article__date]",
    "article time, main time",
    "time",
    "[class~=date], [class~=dateline], [class~=timestamp], [class*=byline]",
];
/// Parts of classes and ids of what is beside an article.
const BESIDE: &[&str] =
    &["comment", "related", "sidebar", "recommend", "teaser", "promo", "popular", "widget"];
/// Elements looked at for each selector.
const MAX_NODES: usize = 8;
/// A longer text is no line about an article.
const MAX_LINE_CHARS: usize = 200;

/// The facts that the body of `page` shows.
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

/// The elements of these kinds that belong to the article, with their text.
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

/// Whether an element is in something beside the article, such as a comment.
fn is_beside(node: &NodeRef<'_>) -> bool {
    node.ancestors(Some(20)).iter().any(|ancestor| {
        let name = ancestor.node_name();
        let is_other = matches!(name.as_deref(), Some("aside" | "footer" | "nav"));
        let marks = ["class", "id"].iter().filter_map(|mark| ancestor.attr(mark));
        // A page's own classes stand on its body.
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
