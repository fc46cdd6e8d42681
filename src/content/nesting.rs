//! Limits the depth and width of HTML before it is parsed.
//!
//! HTML parsers take quadratic time for endlessly nested elements and for tags with endless attributes
//! (measured: ten minutes for 100,000 nested elements). Without a limit one hostile page could block a
//! worker. Browsers stop at 512 levels.

use crate::content::budget;
use std::borrow::Cow;

const MAX_DEPTH: usize = 256;
const MAX_ATTRIBUTES: usize = 300;
/// Most tags that are kept. The rest of the document is read as text only.
const MAX_TAGS: usize = 100_000;
/// Most open formatting elements. Parsers reopen unclosed ones in every paragraph, so a few of them multiply.
const MAX_OPEN_FORMATTING: usize = 16;

/// Void elements, and elements that a sibling of the same kind closes. They nest only through other elements.
const NOT_COUNTED: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr", "p", "li", "td", "tr", "th", "dt", "dd", "option", "tbody", "thead", "tfoot", "colgroup", "html",
    "head", "body",
];

const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Elements whose content is not markup.
const RAW: &[&str] = &["script", "style", "textarea", "title", "xmp"];

/// Removes tags from `html` that would nest too deep or have too many attributes. Their content stays.
pub fn bounded(html: &str) -> Cow<'_, str> {
    let mut kept: Option<String> = None;
    let (mut depth, mut formatting, mut tags, mut at) = (0_usize, 0_usize, 0_usize, 0);
    while let Some(found) = html[at..].find('<') {
        let start = at + found;
        let rest = &html[start..];
        if rest.starts_with("<!--") {
            let end = rest.find("-->").map_or(rest.len(), |end| end + 3);
            budget::count(end);
            copy(&mut kept, &html[at..start + end]);
            at = start + end;
            continue;
        }
        let closing = rest.starts_with("</");
        let name_at = 1 + usize::from(closing);
        let name_len =
            rest[name_at..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        if name_len == 0 {
            copy(&mut kept, &html[at..=start]);
            at = start + 1;
            continue;
        }
        let name = rest[name_at..name_at + name_len].to_ascii_lowercase();
        let (tag_len, attributes) = extent(rest);
        budget::count(name_len + tag_len);
        let mut end = start + tag_len;
        let counted = !NOT_COUNTED.contains(&name.as_str());
        tags += 1;
        let mut dropped = attributes > MAX_ATTRIBUTES || tags > MAX_TAGS;
        if FORMATTING.contains(&name.as_str()) {
            if closing {
                dropped |= formatting > MAX_OPEN_FORMATTING;
                formatting = formatting.saturating_sub(1);
            } else {
                formatting += 1;
                dropped |= formatting > MAX_OPEN_FORMATTING;
            }
        } else if counted && closing {
            dropped |= depth > MAX_DEPTH;
            depth = depth.saturating_sub(1);
        } else if RAW.contains(&name.as_str()) {
            end += raw_len(&html[end..], &name);
        } else if counted && !rest[..tag_len].ends_with("/>") {
            depth += 1;
            dropped |= depth > MAX_DEPTH;
        }
        if dropped {
            kept.get_or_insert_with(|| html[..at].to_owned());
            copy(&mut kept, &html[at..start]);
        } else {
            copy(&mut kept, &html[at..end]);
        }
        at = end;
    }
    match kept {
        None => Cow::Borrowed(html),
        Some(mut kept) => {
            kept.push_str(&html[at..]);
            Cow::Owned(kept)
        }
    }
}

fn copy(kept: &mut Option<String>, piece: &str) {
    if let Some(kept) = kept {
        kept.push_str(piece);
    }
}

/// Returns the length of the tag at the start of `rest` and its approximate number of attributes.
fn extent(rest: &str) -> (usize, usize) {
    let (mut quote, mut attributes, mut was_space) = (None, 0, false);
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') if rest[..at].trim_end().ends_with('=') => quote = Some(byte),
            (None, b'>') => return (at + 1, attributes),
            (None, byte) => {
                let space = byte.is_ascii_whitespace() || byte == b'/';
                attributes += usize::from(was_space && !space);
                was_space = space;
            }
        }
    }
    (rest.len(), attributes)
}

fn raw_len(rest: &str, name: &str) -> usize {
    let close = format!("</{name}");
    let bytes = rest.as_bytes();
    let length = (0..bytes.len())
        .find(|at| {
            bytes[*at] == b'<'
                && bytes[*at..]
                    .get(..close.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(close.as_bytes()))
        })
        .unwrap_or(rest.len());
    budget::count(length);
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_markup_is_left_alone() {
        let html = "<!doctype html><p>a < b<br><script>if (a<b) '<div>'</script><ul><li>x<li>y</ul><img alt='a > b'>";
        assert!(matches!(bounded(html), Cow::Borrowed(same) if same == html));
    }

    #[test]
    fn what_nests_too_deep_loses_its_tags_but_not_its_text() {
        let html = format!("{}deep{}<p>after", "<div>".repeat(1000), "</div>".repeat(1000));
        let bounded = bounded(&html);
        assert_eq!(bounded.matches("<div>").count(), MAX_DEPTH);
        assert_eq!(bounded.matches("</div>").count(), MAX_DEPTH);
        assert!(bounded.contains("deep") && bounded.ends_with("<p>after"));
    }

    #[test]
    fn a_tag_with_endless_attributes_is_dropped() {
        let attributes: String = (0..1000).map(|n| format!(" a{n}")).collect::<Vec<_>>().concat();
        assert_eq!(bounded(&format!("<i>x</i><b{attributes}>y</b>")), "<i>x</i>y</b>");
    }
}
