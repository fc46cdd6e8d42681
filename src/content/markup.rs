//! Converts HTML fragments to plain text, and finds pictures in them.

use dom_query::{Document, NodeRef};
use url::Url;

use crate::{
    content::{budget, nesting, references},
    domain::content::{
        article::MAX_ALT_CHARS,
        picture::{is_counter, telling_alt},
    },
};

/// Elements whose content is not visible text.
const UNREAD: &[&str] = &[
    "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "head", "select",
    "textarea", "canvas", "audio", "video",
];

/// Inline elements. All others separate words.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
];

/// Elements recognised in fields that should be plain text but often contain HTML (titles, names).
const IN_TITLES: &[&str] = &[
    "a", "abbr", "b", "big", "br", "cite", "code", "del", "div", "em", "font", "h1", "h2", "h3", "i", "img",
    "ins", "mark", "p", "q", "s", "small", "span", "strike", "strong", "sub", "sup", "u", "wbr",
];

/// Bytes that are kept of a one-line text before it is cleaned.
const MAX_LINE_BYTES: usize = 4_000;
/// Most sizes of one picture that are compared.
const MAX_SOURCES: usize = 20;
/// Longest twice-escaped reference, in bytes.
const LONGEST_REFERENCE: usize = 10;

/// Named references that occur in text that was escaped twice.
const TWICE_ESCAPED: &[(&str, char)] = &[
    ("amp", '&'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("rsquo", '’'),
    ("lsquo", '‘'),
    ("rdquo", '”'),
    ("ldquo", '“'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("agrave", 'à'),
    ("ccedil", 'ç'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("euro", '€'),
    ("pound", '£'),
];

/// Smallest width and height in pixels. Smaller pictures are spacers, tracking pixels and emoji.
const SMALLEST_PICTURE_PX: u32 = 48;

/// Converts an HTML fragment to plain text: decodes entities, separates blocks by a space, drops scripts and
/// styles, collapses white space.
pub fn to_text(html: &str) -> String {
    if html.contains(['<', '&']) { text_of(&fragment(html).root()) } else { collapse(html) }
}

/// Returns the plain text below `node`, as [`to_text`] does.
pub fn text_of(node: &NodeRef<'_>) -> String {
    let mut text = String::new();
    walk(node, &mut |piece| match piece {
        Piece::Text(words) => text.push_str(words),
        Piece::Break => text.push(' '),
    });
    collapse(&text)
}

/// Returns the plain text below `node`, with a line break between blocks and between elements whose words would
/// otherwise run together, as in `<span>Ann Lee</span><span>Editor</span>`.
pub fn lines_of(node: &NodeRef<'_>) -> String {
    let mut lines = vec![String::new()];
    walk(node, &mut |piece| match (piece, lines.last_mut()) {
        (Piece::Text(words), Some(line)) => {
            let runs_on = line.ends_with(char::is_alphanumeric)
                && words.starts_with(|c: char| c.is_uppercase() || c.is_numeric());
            if runs_on { lines.push(words.to_owned()) } else { line.push_str(words) }
        }
        _ => lines.push(String::new()),
    });
    let lines: Vec<String> =
        lines.iter().map(|line| collapse(line)).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Converts an HTML fragment to plain text with a blank line between paragraphs.
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

/// Returns the part of a text that is enough for one line.
pub fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LINE_BYTES)]
}

/// Cleans a field that should be plain text: decodes entities and drops well-known inline tags. `Vec<String>`
/// and `a < b` stay as they are.
pub fn plain(text: &str) -> String {
    if !text.contains(['<', '&']) {
        return collapse(text);
    }
    budget::count(text.len());
    let mut html = String::with_capacity(text.len());
    // Searched once: a search from each `<` would take quadratic time.
    let last_end = text.rfind('>').unwrap_or(0);
    for (at, c) in text.char_indices() {
        if c == '<' && (at > last_end || !opens_known_tag(&text[at + 1..])) {
            html.push_str("&lt;");
        } else {
            html.push(c);
        }
    }
    to_text(&html)
}

/// Decodes the character references that are left in a text that was escaped twice. Keeps `&lt;` and
/// `&gt;`, because the text may be about them.
pub fn mended(text: String) -> String {
    if !text.contains('&') {
        return text;
    }
    budget::count(text.len());
    let mut mended = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('&') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';');
        if let Some((end, c)) = end.and_then(|end| Some((end, referred(&rest[1..end])?))) {
            mended.push(c);
            rest = &rest[end + 1..];
        } else {
            mended.push('&');
            rest = &rest[1..];
        }
    }
    mended.push_str(rest);
    mended
}

/// Returns the character for a reference's name or number.
fn referred(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return TWICE_ESCAPED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    };
    let code: u32 = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    Some(references::character(code)).filter(|c| !matches!(c, '<' | '>' | '\u{fffd}'))
}

fn opens_known_tag(rest: &str) -> bool {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    budget::count(end);
    // Longer names don't match any of these elements.
    end <= 10 && IN_TITLES.contains(&rest[..end].to_ascii_lowercase().as_str())
}

/// A picture and its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub url: Url,
    /// Description in the publisher's words.
    pub alt: Option<String>,
}

/// Returns a picture's description if it is informative and not an article text.
pub fn alt(text: &str) -> Option<String> {
    let text = mended(plain(text));
    (text.chars().count() <= MAX_ALT_CHARS).then(|| telling_alt(&text).map(str::to_owned)).flatten()
}

/// Returns the first picture in an HTML fragment that is not a spacer or tracking pixel.
pub fn first_picture(html: &str, base: Option<&Url>) -> Option<Picture> {
    if !html.contains("<img") && !html.contains("<IMG") {
        return None;
    }
    let fragment = fragment(html);
    fragment.select("img").nodes().iter().filter(|img| !is_too_small(img)).find_map(|img| {
        Some(Picture { url: picture_address(img, base)?, alt: img.attr("alt").and_then(|text| alt(&text)) })
    })
}

/// Returns whether a picture's attributes give the size of a spacer, a tracking pixel or an emoji.
pub fn is_too_small(img: &NodeRef<'_>) -> bool {
    ["width", "height"].iter().any(|side| {
        img.attr(side)
            .and_then(|size| size.trim().trim_end_matches("px").parse::<u32>().ok())
            .is_some_and(|size| size < SMALLEST_PICTURE_PX)
    })
}

/// Attributes with a picture's address. Pages with lazy loading keep the real address next to a placeholder.
const SOURCES: [&str; 4] = ["data-src", "data-lazy-src", "data-original", "src"];

/// Attributes with a picture's addresses in several sizes.
const SOURCE_SETS: [&str; 3] = ["data-srcset", "data-lazy-srcset", "srcset"];

fn picture_address(img: &NodeRef<'_>, base: Option<&Url>) -> Option<Url> {
    picture(&picture_source(img)?, base)
}

/// Returns the address of a picture as written, of its largest size if there is no other.
pub fn picture_source(img: &NodeRef<'_>) -> Option<String> {
    let sources = SOURCES.iter().filter_map(|name| img.attr(name)).map(|address| address.trim().to_owned());
    let mut real = sources.filter(|address| !address.is_empty() && !address.starts_with("data:"));
    let largest = |node: &NodeRef<'_>| SOURCE_SETS.iter().find_map(|name| largest_source(&node.attr(name)?));
    let in_picture = || {
        let picture = img.parent().filter(|parent| parent.node_name().as_deref() == Some("picture"))?;
        picture.children().iter().take(MAX_SOURCES).find_map(largest)
    };
    real.next().or_else(|| largest(img)).or_else(in_picture)
}

/// Returns the address with the largest width or density in a `srcset`.
fn largest_source(set: &str) -> Option<String> {
    budget::count(set.len());
    let mut words = set.split_whitespace();
    let mut best: Option<(f64, &str)> = None;
    for _ in 0..MAX_SOURCES {
        let Some(address) = words.next() else { break };
        // Without a size, the comma is part of the address's word.
        let size = if address.ends_with(',') { None } else { words.next() };
        let size = size.map(|size| size.trim_end_matches(',').trim_end_matches(['w', 'x']));
        let size: f64 = size.and_then(|size| size.parse().ok()).unwrap_or(1.0);
        let address = address.trim_matches(',');
        if !address.is_empty() && !address.starts_with("data:") && best.is_none_or(|(most, _)| size > most) {
            best = Some((size, address));
        }
    }
    best.map(|(_, address)| address.to_owned())
}

/// Returns `address` as a URL, unless it is that of a tracking pixel or decoration.
pub fn picture(address: &str, base: Option<&Url>) -> Option<Url> {
    web_address(address, base).filter(|url| !is_counter(url.as_str()))
}

/// Resolves `address` against `base`. Returns `None` unless the result is an `http` or `https` URL.
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

/// Collapses white space to single spaces and trims it.
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

/// Visits the readable text below `root` in order. It doesn't recurse, because pages may nest arbitrarily
/// deep.
fn walk(root: &NodeRef<'_>, found: &mut impl FnMut(Piece<'_>)) {
    let mut next = root.first_child();
    while let Some(node) = next {
        budget::count(1);
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
        // Moves to the next sibling of the node, or of its nearest ancestor that has one, and leaves elements
        // on the way.
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
    fn what_was_escaped_twice_is_mended() {
        for (text, right) in [
            ("Fish &amp; chips", "Fish & chips"),
            ("It&#8217;s &quot;it&quot;", "It’s \"it\""),
            ("&lt;b&gt; stays, and R&D; too & co", "&lt;b&gt; stays, and R&D; too & co"),
            ("a &#x3c;script&#62; b", "a &#x3c;script&#62; b"),
            ("it&#146;s &#x1F600;", "it’s 😀"),
        ] {
            assert_eq!(mended(text.to_owned()), right);
        }
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
            <img src="https://feeds.feedburner.com/~r/x/1"><img src="ph.gif" data-src="../real.jpg" width="600" alt="A &amp; B">"#;
        assert_eq!(
            first_picture(html, base.as_ref()).map(|it| (String::from(it.url), it.alt)),
            Some(("https://a.example/real.jpg".to_owned(), Some("A & B".to_owned())))
        );
        assert_eq!(first_picture("<img src='/relative.png'>", None), None);
    }
}
