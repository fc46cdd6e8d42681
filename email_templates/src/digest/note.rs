//! The operator's note: HTML of a few elements, given the inline styles that mail programs need.
//!
//! The caller has sanitised it. This is no second sanitiser, but whatever comes in, what goes out is well formed and has
//! only known elements, with no attribute but a web or mail address in `href`: a mistake elsewhere can't break the page.

use maud::{Markup, PreEscaped};

use crate::theme::{BREAK, INK, Look, SANS};
use crate::{href, wording::Direction};

/// Elements inside one another; deeper ones lose their tags.
const MAX_DEPTH: usize = 12;

/// Gives the elements of a note their styles.
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

/// A tag as it stands in the source.
struct Tag<'a> {
    name: &'a str,
    closes: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// The tag, comment or declaration that the source begins with, and what comes after it. `None`: it is a lone `<`.
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

    /// The value of `href` as it is written, where it is a web or mail address.
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
                return href::web(value).or_else(|| (is_mail && is_clean).then_some(value));
            }
            rest = after;
        }
    }
}

/// A note in the making. Every name in `open` has been written and not been closed yet.
struct Styled<'l> {
    html: String,
    open: Vec<&'static str>,
    look: &'l Look,
    direction: Direction,
}

impl Styled<'_> {
    /// Text with its entities as they are.
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
        let Some(name) = known(tag.name) else { return };
        if tag.closes {
            // What was left open inside is closed with it; what was never opened is not closed.
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
        match name {
            "p" => format!("{SANS}{INK}{BREAK}margin:0 0 12px;font-size:16px;line-height:25px;"),
            "h2" => format!(
                "{}{INK}{BREAK}margin:4px 0 8px;font-size:22px;line-height:28px;font-weight:700;",
                self.look.headlines
            ),
            "h3" => format!(
                "{}{INK}{BREAK}margin:4px 0 8px;font-size:18px;line-height:24px;font-weight:700;",
                self.look.headlines
            ),
            // Outlook for Windows indents by margin, and draws no marks where the padding is gone from a side.
            "ul" | "ol" => format!("margin:0 0 12px;margin-{start}:22px;padding:0;"),
            "li" => format!("{SANS}{INK}{BREAK}margin:0 0 6px;font-size:16px;line-height:25px;"),
            "blockquote" => format!(
                "{SANS}{INK}{BREAK}margin:0 0 12px;padding:2px 0 2px;padding-{start}:14px;border-{start}:3px solid {};\
                 font-size:16px;line-height:25px;",
                self.look.accent
            ),
            "a" => format!("{}{BREAK}text-decoration:underline;", self.look.accent_text()),
            _ => String::new(),
        }
    }
}

/// The element as we write it, where we know it.
fn known(name: &str) -> Option<&'static str> {
    const KNOWN: [&str; 11] = ["p", "br", "strong", "em", "a", "ul", "ol", "li", "h2", "h3", "blockquote"];
    KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}
