//! Adds the inline styles that mail programs need to the HTML of the operator's note.
//!
//! The caller has sanitized the note. As a safeguard the output is always well formed: it has known elements
//! only, and no attributes from the input but `href` with an HTTP(S) or `mailto:` URL.

use maud::{Markup, PreEscaped};

use crate::theme::{BREAK, INK, Look};
use crate::{href, wording::Direction};

/// Deepest nesting of elements. The tags of deeper ones are removed.
const MAX_DEPTH: usize = 12;

/// Adds inline styles to the elements of a note.
pub(super) fn styled(note: &str, look: &Look, direction: Direction) -> Markup {
    let mut out = Styled { html: String::with_capacity(note.len() * 2), open: Vec::new(), look, direction };
    let mut rest = note;
    while let Some(at) = rest.find('<') {
        out.text(&rest[..at]);
        rest = &rest[at..];
        if let Some((tag, after)) = Tag::read(rest) {
            out.tag(&tag);
            rest = after;
        } else {
            out.text("<");
            rest = &rest[1..];
        }
    }
    out.text(rest);
    while let Some(name) = out.open.pop() {
        out.close(name);
    }
    PreEscaped(out.html)
}

struct Tag<'a> {
    name: &'a str,
    closes: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads the tag, comment or declaration at the beginning of the source. Returns it and the rest, or
    /// `None` for a lone `<`.
    fn read(source: &'a str) -> Option<(Self, &'a str)> {
        if let Some(comment) = source.strip_prefix("<!--") {
            let after = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            return Some((Self { name: "", closes: false, attributes: "" }, after));
        }
        let inner = &source[1..];
        let closes = inner.starts_with('/');
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            return None;
        }
        let mut quote = None;
        let end = inner.bytes().position(|byte| match (quote, byte) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                false
            }
            (Some(open), _) if open == byte => {
                quote = None;
                false
            }
            _ => false,
        });
        let (tag, after) = end.map_or((inner, ""), |end| (&inner[..end], &inner[end + 1..]));
        let (name, attributes) =
            tag.split_at(tag.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(tag.len()));
        Some((Self { name, closes, attributes }, after))
    }

    /// Returns the value of `href` as written, if it is an HTTP(S) or `mailto:` URL.
    fn href(&self) -> Option<&'a str> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            let (name, after) = rest.split_at(rest.find(['=', ' ', '\t', '\n', '\r'])?);
            let after = after.trim_start();
            let Some(value) = after.strip_prefix('=') else {
                rest = after;
                continue;
            };
            let value = value.trim_start();
            let (value, after) = match value.chars().next()? {
                quote @ ('"' | '\'') => value[1..].split_once(quote)?,
                _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
            };
            if name.eq_ignore_ascii_case("href") {
                let is_mail = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
                let is_clean = !value.contains(|c: char| c.is_whitespace() || c.is_control());
                return href::web_url(value).or_else(|| (is_mail && is_clean).then_some(value));
            }
            rest = after;
        }
    }
}

/// The output. `open` holds the names of the elements that are not closed yet.
struct Styled<'l> {
    html: String,
    open: Vec<&'static str>,
    look: &'l Look,
    direction: Direction,
}

impl Styled<'_> {
    /// Adds text; its entities stay as they are.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                c if c.is_control() && c != '\n' => self.html.push(' '),
                c => self.html.push(c),
            }
        }
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        let Some(name) = known_element(tag.name) else { return };
        if tag.closes {
            // Closes inner elements that were left open. A closing tag without an open element is ignored.
            if let Some(at) = self.open.iter().rposition(|open| *open == name) {
                while self.open.len() > at {
                    if let Some(inner) = self.open.pop() {
                        self.close(inner);
                    }
                }
            }
            return;
        }
        if name == "br" {
            self.html.push_str("<br>");
            return;
        }
        if self.open.len() >= MAX_DEPTH || self.open.contains(&"a") && name == "a" {
            return;
        }
        let style = self.style(name);
        self.html.push('<');
        self.html.push_str(name);
        match name {
            "a" => {
                let Some(address) = tag.href() else {
                    self.html.truncate(self.html.len() - "<a".len());
                    return;
                };
                self.html.push_str(" class=\"accent\" href=\"");
                self.text(address);
                self.html.push('"');
            }
            "p" | "h2" | "h3" => self.html.push_str(" class=\"ink\" dir=\"auto\""),
            "blockquote" => self.html.push_str(" class=\"ink quote\""),
            "li" => self.html.push_str(" class=\"ink\""),
            _ => {}
        }
        if !style.is_empty() {
            self.html.push_str(" style=\"");
            self.html.push_str(&style);
            self.html.push('"');
        }
        self.html.push('>');
        self.open.push(name);
    }

    fn close(&mut self, name: &str) {
        self.html.push_str("</");
        self.html.push_str(name);
        self.html.push('>');
    }

    fn style(&self, name: &str) -> String {
        let start = self.direction.start();
        let headlines = self.look.headlines;
        match name {
            "p" => format!("{headlines}{INK}{BREAK}margin:0 0 10px;font-size:17px;line-height:27px;"),
            "h2" => format!(
                "{headlines}{INK}{BREAK}margin:0 0 8px;font-size:24px;line-height:30px;font-weight:700;"
            ),
            "h3" => format!(
                "{headlines}{INK}{BREAK}margin:0 0 6px;font-size:19px;line-height:25px;font-weight:700;"
            ),
            // Outlook for Windows indents by margin, and draws no list markers if one side's padding is
            // overridden.
            "ul" | "ol" => format!("margin:0 0 12px;margin-{start}:22px;padding:0;"),
            "li" => format!("{headlines}{INK}{BREAK}margin:0 0 6px;font-size:17px;line-height:27px;"),
            "blockquote" => format!(
                "{headlines}{INK}{BREAK}margin:0 0 12px;padding:0;padding-{start}:14px;border-{start}:3px solid {};\
                 font-size:17px;line-height:27px;",
                self.look.fill
            ),
            "a" => format!("{}{BREAK}{}", self.look.accent, self.look.underline),
            _ => String::new(),
        }
    }
}

/// Returns the canonical name of a known element.
fn known_element(name: &str) -> Option<&'static str> {
    const KNOWN: [&str; 11] = ["p", "br", "strong", "em", "a", "ul", "ol", "li", "h2", "h3", "blockquote"];
    KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Theme;

    fn html(note: &str) -> String {
        styled(note, &Look::from_theme(&Theme::default()), Direction::LeftToRight).into_string()
    }

    /// Returns a styled note without the added attributes.
    fn bare(note: &str) -> String {
        let html = html(note);
        let mut bare = String::new();
        let mut rest = html.as_str();
        while let Some((before, after)) = rest.split_once('<') {
            let (tag, after) = after.split_once('>').unwrap();
            let name = tag.split(' ').next().unwrap();
            let href = tag.split(" href=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
            bare += before;
            bare += &href.map_or(format!("<{name}>"), |href| format!("<{name} {href}>"));
            rest = after;
        }
        bare + rest
    }

    #[test]
    fn known_elements_get_their_styles() {
        let note = "<p>Good <strong>day</strong>, <em>you</em>.<br>Bye</p><ul><li>One</li></ul>";
        assert_eq!(bare(note), note);
        let html = html(note);
        assert!(html.starts_with("<p class=\"ink\" dir=\"auto\" style=\"font-family:Georgia,"));
        assert!(html.contains("<ul style=\"margin:0 0 12px;margin-left:22px;padding:0;\">"));
        assert_eq!(bare("<OL><LI>x</LI></OL>"), "<ol><li>x</li></ol>");
    }

    #[test]
    fn unknown_elements_lose_their_tags() {
        assert_eq!(bare("<div><p>a<img src=x onerror=alert(1)>b</p></div>"), "<p>ab</p>");
        assert_eq!(bare("<script>alert(1)</script><style>p{}</style>"), "alert(1)p{}");
        assert_eq!(bare("a<!-- <p> -->b<!-- never closed"), "ab");
        assert_eq!(bare("<?php x ?><!DOCTYPE html>a"), "a");
    }

    #[test]
    fn links_keep_their_address_and_nothing_else() {
        assert_eq!(
            bare("<a href=\"https://a.example/?x=1&amp;y=2\">a</a>"),
            "<a https://a.example/?x=1&amp;y=2>a</a>"
        );
        assert_eq!(
            bare("<a title='>' HREF = 'mailto:a@b.example' onclick=\"x\">a</a>"),
            "<a mailto:a@b.example>a</a>"
        );
        assert_eq!(bare("<a rel=nofollow href=https://a.example/>a</a>"), "<a https://a.example/>a</a>");
        assert!(!html("<a title='\" onclick=\"x' href='https://a.example/\"b'>a</a>").contains("onclick"));
        for bad in ["javascript:alert(1)", "java&#10;script:x", " data:text/html,x", "", "/relative"] {
            assert_eq!(bare(&format!("<a href=\"{bad}\">a</a>")), "a", "{bad}");
        }
        assert_eq!(bare("<a>a</a> <a name=x>b</a>"), "a b");
    }

    #[test]
    fn open_elements_are_closed_and_stray_closing_tags_ignored() {
        assert_eq!(bare("<p>a<strong>b"), "<p>a<strong>b</strong></p>");
        assert_eq!(bare("</p></td></table>a</li>"), "a");
        assert_eq!(bare("<p><em>a</p>b</em>"), "<p><em>a</em></p>b");
        let deep = "<ul>".repeat(1000);
        assert_eq!(bare(&deep).matches("<ul>").count(), MAX_DEPTH);
    }

    #[test]
    fn characters_outside_tags_stay_text() {
        assert_eq!(html("1 < 2 && 3 > 2 &amp; \"x\""), "1 &lt; 2 && 3 &gt; 2 &amp; &quot;x&quot;");
        assert_eq!(html("a<"), "a&lt;");
        assert_eq!(html("a<p"), html("a<p>"));
    }

    proptest! {
        #[test]
        fn output_is_well_formed_for_any_input(
            note in "(<|</|>|a|p|li|ul|br|em|script| href=|'|\"|https://x|&|!--|-->|é| |\n){0,40}"
        ) {
            let html = html(&note);
            let mut open = Vec::new();
            let mut rest = html.as_str();
            while let Some((before, after)) = rest.split_once('<') {
                prop_assert!(!before.contains(['>', '"']));
                let (tag, after) = after.split_once('>').expect("every tag ends");
                prop_assert_eq!(tag.matches('"').count() % 2, 0);
                let name = tag.split(' ').next().unwrap_or_default();
                if let Some(closed) = name.strip_prefix('/') {
                    prop_assert_eq!(open.pop(), Some(closed));
                } else {
                    prop_assert!(known_element(name).is_some(), "{}", tag);
                    let names: String = tag.split('"').step_by(2).collect();
                    let may = ["class=", "dir=", "style=", "href="];
                    prop_assert!(names.split_whitespace().skip(1).all(|it| may.contains(&it)), "{}", tag);
                    if name != "br" {
                        open.push(name);
                    }
                }
                rest = after;
            }
            prop_assert!(open.is_empty());
        }
    }
}
