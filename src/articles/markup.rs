//! HTML fragments to plain text, and the pictures in them.

use dom_query::{Document, NodeRef};
use url::Url;

use crate::articles::nesting;

/// The elements whose content no reader sees as text.
const UNREAD: &[&str] = &[
    "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "head", "select",
    "textarea", "canvas", "audio", "video",
];

/// The elements that flow inside a line; all others separate words.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
];

/// The elements worth recognising in text that should have been plain but is often HTML (titles, names).
const IN_TITLES: &[&str] = &[
    "a", "abbr", "b", "big", "br", "cite", "code", "del", "div", "em", "font", "h1", "h2", "h3", "i", "img",
    "ins", "mark", "p", "q", "s", "small", "span", "strike", "strong", "sub", "sup", "u", "wbr",
];

/// A picture narrower or lower than this is a spacer, a counter or a smiley.
const SMALLEST_PICTURE_PX: u32 = 48;

/// Parts of addresses of pictures that count readers or decorate, instead of showing something.
const NOT_PICTURES: &[&str] = &[
    "feedburner.com/~r",
    "feedsportal.com",
    "/pixel",
    "pixel.",
    "doubleclick.net",
    "google-analytics.com",
    "scorecardresearch.com",
    "quantserve.com",
    "stats.wordpress.com",
    "feeds.wordpress.com",
    "/b.gif",
    "spacer.gif",
    "blank.gif",
    "1x1",
    "/open.aspx",
    "/beacon",
    "gravatar.com/avatar",
    "s.w.org/images/core/emoji",
    "/wp-smiley",
    "/wp-includes/images/smilies",
];

/// The plain text of an HTML fragment: entities decoded, block elements separated by a space, scripts and styles
/// dropped, whitespace collapsed.
pub fn to_text(html: &str) -> String {
    if html.contains(['<', '&']) { text_of(&fragment(html).root()) } else { collapse(html) }
}

/// The plain text below `node`, as [`to_text`] gives it.
pub fn text_of(node: &NodeRef<'_>) -> String {
    let mut text = String::new();
    walk(node, &mut |piece| match piece {
        Piece::Text(words) => text.push_str(words),
        Piece::Break => text.push(' '),
    });
    collapse(&text)
}

/// The plain text of an HTML fragment with a blank line between its paragraphs.
pub fn to_paragraphs(html: &str) -> String {
    let mut blocks: Vec<String> = vec![String::new()];
    walk(&fragment(html).root(), &mut |piece| match (piece, blocks.last_mut()) {
        (Piece::Text(words), Some(block)) => block.push_str(words),
        _ => blocks.push(String::new()),
    });
    let blocks: Vec<String> =
        blocks.iter().map(|block| collapse(block)).filter(|block| !block.is_empty()).collect();
    blocks.join("\n\n")
}

/// Plain text of what should be plain already: entities are decoded and well-known inline tags dropped, but
/// `Vec<String>` and `a < b` stay what they are.
pub fn plain(text: &str) -> String {
    if !text.contains(['<', '&']) {
        return collapse(text);
    }
    let mut html = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '<' && !opens_known_tag(&text[at + 1..]) {
            html.push_str("&lt;");
        } else {
            html.push(c);
        }
    }
    to_text(&html)
}

fn opens_known_tag(rest: &str) -> bool {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    IN_TITLES.contains(&rest[..end].to_ascii_lowercase().as_str()) && rest[end..].contains('>')
}

/// The address of the first picture in an HTML fragment that shows something.
pub fn first_picture(html: &str, base: Option<&Url>) -> Option<Url> {
    if !html.contains("<img") && !html.contains("<IMG") {
        return None;
    }
    let fragment = fragment(html);
    fragment
        .select("img")
        .nodes()
        .iter()
        .filter(|img| !is_too_small(img))
        .find_map(|img| picture_address(img, base))
}

fn is_too_small(img: &NodeRef<'_>) -> bool {
    ["width", "height"].iter().any(|side| {
        img.attr(side)
            .and_then(|size| size.trim().trim_end_matches("px").parse::<u32>().ok())
            .is_some_and(|size| size < SMALLEST_PICTURE_PX)
    })
}

fn picture_address(img: &NodeRef<'_>, base: Option<&Url>) -> Option<Url> {
    // Pages that load pictures late keep the real address beside a placeholder.
    ["data-src", "data-lazy-src", "data-original", "src"]
        .iter()
        .find_map(|name| picture(&img.attr(name)?, base))
}

/// `address` as a URL, if it is one of a picture that shows something.
pub fn picture(address: &str, base: Option<&Url>) -> Option<Url> {
    let url = web_address(address, base)?;
    let lower = url.as_str().to_lowercase();
    (!NOT_PICTURES.iter().any(|part| lower.contains(part))).then_some(url)
}

/// `address`, relative to `base` if it is relative, as an `http` or `https` URL.
pub fn web_address(address: &str, base: Option<&Url>) -> Option<Url> {
    let address = address.trim();
    if address.is_empty() {
        return None;
    }
    let url = match base {
        Some(base) => base.join(address),
        None if address.starts_with("//") => Url::parse(&format!("https:{address}")),
        None => Url::parse(address),
    };
    url.ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

/// Whitespace collapsed to single spaces, none at the ends.
pub fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fragment(html: &str) -> Document {
    Document::fragment(nesting::bounded(html).as_ref())
}

enum Piece<'a> {
    Text(&'a str),
    Break,
}

/// Goes through the readable text below `root` in order, without recursion: pages nest as deeply as they like.
fn walk(root: &NodeRef<'_>, found: &mut impl FnMut(Piece<'_>)) {
    let mut next = root.first_child();
    while let Some(node) = next {
        let name = node.node_name();
        let read = name.as_deref().is_none_or(|name| !UNREAD.contains(&name));
        let breaks = name.as_deref().is_some_and(|name| !INLINE.contains(&name));
        if node.is_text() {
            found(Piece::Text(&node.text()));
        } else if breaks {
            found(Piece::Break);
        }
        if let Some(child) = node.first_child().filter(|_| read) {
            next = Some(child);
            continue;
        }
        // To the next sibling of the node or of the nearest ancestor that has one, leaving elements on the way.
        let mut leaving = Some(node);
        next = None;
        while let Some(node) = leaving {
            if node.id == root.id {
                break;
            }
            if node.node_name().as_deref().is_some_and(|name| !INLINE.contains(&name)) {
                found(Piece::Break);
            }
            next = node.next_sibling();
            if next.is_some() {
                break;
            }
            leaving = node.parent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_separated_and_entities_decoded() {
        assert_eq!(
            to_text("<p>Fish &amp; chips</p><p>caf&eacute;&nbsp;<b>b</b>ar</p>a<br>b"),
            "Fish & chips café bar a b"
        );
    }

    #[test]
    fn scripts_and_styles_are_not_text() {
        assert_eq!(
            to_text("<style>p{}</style>Seen<script>var a = '<p>no</p>'</script><template>no</template>"),
            "Seen"
        );
    }

    #[test]
    fn paragraphs_keep_a_blank_line_between_them() {
        assert_eq!(
            to_paragraphs("<div><p>One <i>is</i>\n one.</p><ul><li>Two</li></ul></div>"),
            "One is one.\n\nTwo"
        );
    }

    #[test]
    fn plain_text_keeps_what_only_looks_like_a_tag() {
        assert_eq!(
            plain("Why Vec<String> beats a < b &amp; <em>more</em>"),
            "Why Vec<String> beats a < b & more"
        );
        assert_eq!(plain("Blog &#8211; News"), "Blog – News");
    }

    #[test]
    fn a_hundred_thousand_nested_elements_are_no_trouble() {
        let deep = format!("{}deep{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        assert_eq!(to_text(&deep), "deep");
    }

    #[test]
    fn the_first_picture_is_one_that_shows_something() {
        let base = Url::parse("https://a.example/post/").ok();
        let html = r#"<img src="https://t.example/x.gif" width="1" height="1"><img src="data:image/gif;base64,R0">
            <img src="https://feeds.feedburner.com/~r/x/1"><img src="ph.gif" data-src="../real.jpg" width="600">"#;
        assert_eq!(
            first_picture(html, base.as_ref()).map(String::from).as_deref(),
            Some("https://a.example/real.jpg")
        );
        assert_eq!(first_picture("<img src='/relative.png'>", None), None);
    }
}
