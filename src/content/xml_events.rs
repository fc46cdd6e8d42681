//! Splits XML into tags and texts, as leniently as browsers parse HTML.
//!
//! Strict XML parsers stop at the first fault, and parsers that repair the input lose positions. This one
//! continues: a `<` that begins no tag is text, names are case-insensitive, attributes need no quotes, and
//! unclosed elements end with the document. Each fault is recorded with its position.

use crate::content::{
    budget::{self, Budget, OverBudget},
    references::{self, Entities},
};
use memchr::{memchr, memchr2, memmem};
use std::borrow::Cow;

/// Most faults that are kept.
const MAX_FAULTS: usize = 20;
/// Longest message, in characters: it may contain a name of any length.
const MAX_PROBLEM_CHARS: usize = 160;
/// Most bytes that are searched for the end of a processing instruction.
const INSTRUCTION_BYTES: usize = 256;
/// Most bytes that are searched for the end of a document type declaration.
const LOOK_AHEAD: usize = 64 * 1024;
/// Most attributes that are read per tag.
const MAX_ATTRIBUTES: usize = 100;

/// A fault in a document that could still be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Byte offset in the document.
    pub at: usize,
    pub problem: String,
}

/// An attribute's name, in lower case, and its value with references replaced.
pub type Attribute<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A start tag, with its name in lower case.
    Start {
        name: Cow<'a, str>,
        attributes: Vec<Attribute<'a>>,
        is_empty: bool,
    },
    End {
        name: Cow<'a, str>,
    },
    /// Text with references replaced.
    Text(Cow<'a, str>),
}

/// An event and its byte range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<'a> {
    pub event: Event<'a>,
    pub from: usize,
    pub to: usize,
}

/// A parser that reads a document from start to end.
pub struct Events<'a> {
    text: &'a str,
    at: usize,
    entities: Entities<'a>,
    has_doctype: bool,
    budget: &'a Budget,
    /// The first faults.
    pub faults: Vec<Fault>,
}

impl<'a> Events<'a> {
    pub fn new(text: &'a str, budget: &'a Budget) -> Self {
        Self { text, at: 0, entities: Entities::new(), has_doctype: false, budget, faults: Vec::new() }
    }

    /// Records a fault.
    pub fn fault(&mut self, at: usize, problem: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            let problem = problem.into().chars().take(MAX_PROBLEM_CHARS).collect();
            self.faults.push(Fault { at, problem });
        }
    }

    /// Returns the next event, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<Located<'a>>, OverBudget> {
        while self.at < self.text.len() {
            let from = self.at;
            let event = self.step();
            self.budget.take(self.at - from)?;
            if let Some(event) = event {
                return Ok(Some(Located { event, from, to: self.at }));
            }
        }
        Ok(None)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn step(&mut self) -> Option<Event<'a>> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        if bytes[0] != b'<' {
            let end = memchr(b'<', bytes).unwrap_or(bytes.len());
            return Some(self.text_event(end));
        }
        match bytes.get(1) {
            Some(b'!') => self.declaration(),
            Some(b'?') => {
                self.instruction();
                None
            }
            Some(b'/') if bytes.get(2).is_some_and(|byte| is_name_start(*byte)) => Some(self.end_tag()),
            Some(b'/') => {
                self.fault(self.at, "an end tag without a name");
                let end = memchr2(b'>', b'<', &bytes[1..]).map_or(bytes.len(), |end| end + 1);
                self.at += end + usize::from(bytes.get(end) == Some(&b'>'));
                None
            }
            Some(byte) if is_name_start(*byte) => self.start_tag(),
            _ => {
                self.fault(self.at, "a < that begins no tag");
                let end = memchr(b'<', &bytes[1..]).map_or(bytes.len(), |end| end + 1);
                Some(self.text_event(end))
            }
        }
    }

    /// Consumes `length` bytes as text.
    fn text_event(&mut self, length: usize) -> Event<'a> {
        let text = &self.rest()[..length];
        self.at += length;
        Event::Text(references::resolve(text, &self.entities))
    }

    /// Reads a comment, CDATA or a document type declaration.
    fn declaration(&mut self) -> Option<Event<'a>> {
        let rest = self.rest();
        if let Some(inner) = rest.strip_prefix("<!--") {
            let length = memmem::find(inner.as_bytes(), b"-->").map(|end| end + 7);
            if length.is_none() {
                self.fault(self.at, "a comment that is not closed");
            }
            self.at += length.unwrap_or(rest.len());
            return None;
        }
        let is_cdata = rest.get(..9).is_some_and(|head| head.eq_ignore_ascii_case("<![CDATA["));
        if let Some(inner) = rest.get(9..).filter(|_| is_cdata) {
            let end = memmem::find(inner.as_bytes(), b"]]>");
            if end.is_none() {
                self.fault(self.at, "CDATA that is not closed");
            }
            self.at += end.map_or(rest.len(), |end| end + 12);
            return Some(Event::Text(Cow::Borrowed(&inner[..end.unwrap_or(inner.len())])));
        }
        let is_doctype = rest.get(..9).is_some_and(|head| head.eq_ignore_ascii_case("<!doctype"));
        let end = if is_doctype && !self.has_doctype { doctype_length(rest) } else { None };
        if let Some(end) = end {
            self.entities = references::declared(&rest[..end]);
        }
        self.has_doctype |= is_doctype;
        self.at += end.or_else(|| memchr(b'>', rest.as_bytes()).map(|end| end + 1)).unwrap_or(rest.len());
        None
    }

    /// Skips an XML declaration or a processing instruction. Without `?>`, it ends at the next `>`.
    fn instruction(&mut self) {
        let rest = self.rest();
        let window = &rest.as_bytes()[..rest.len().min(INSTRUCTION_BYTES)];
        let end = memmem::find(window, b"?>").filter(|end| !window[1..*end].contains(&b'<'));
        if end.is_none() {
            self.fault(self.at, "an instruction that is not closed with ?>");
        }
        budget::count(end.unwrap_or(window.len()).min(window.len()));
        let first = || memchr2(b'>', b'<', &rest.as_bytes()[1..]).map_or(rest.len(), |end| end + 1);
        self.at += match end {
            Some(end) => end + 2,
            None => first() + usize::from(rest.as_bytes().get(first()) == Some(&b'>')),
        };
    }

    fn end_tag(&mut self) -> Event<'a> {
        let rest = self.rest();
        let length = name_length(&rest[2..]);
        let name = &rest[2..2 + length];
        let bytes = rest.as_bytes();
        let end = memchr2(b'>', b'<', &bytes[2 + length..]).map_or(bytes.len(), |end| end + 2 + length);
        let is_closed = bytes.get(end) == Some(&b'>');
        if !is_closed {
            self.fault(self.at, format!("</{name} without >"));
        }
        self.at += end + usize::from(is_closed);
        Event::End { name: lower(name) }
    }

    /// Reads a start tag. Returns `None` if the document ends inside it.
    fn start_tag(&mut self) -> Option<Event<'a>> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let length = name_length(&rest[1..]);
        let name = &rest[1..=length];
        let mut attributes: Vec<Attribute<'a>> = Vec::new();
        let mut at = 1 + length;
        let mut is_empty = false;
        loop {
            let skipped = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            at += skipped;
            match bytes.get(at) {
                None => {
                    self.fault(self.at, format!("the document ends in the tag <{name}"));
                    self.at = self.text.len();
                    return None;
                }
                Some(b'>') => {
                    at += 1;
                    break;
                }
                Some(b'<') => {
                    self.fault(self.at, format!("<{name} without >"));
                    break;
                }
                Some(b'/') => {
                    is_empty = bytes.get(at + 1) == Some(&b'>');
                    at += 1;
                }
                Some(_) => {
                    let (attribute, end) = self.attribute(at);
                    at = end.max(at + 1);
                    let is_new = attributes.len() < MAX_ATTRIBUTES;
                    attributes.extend(attribute.filter(|_| is_new));
                }
            }
        }
        self.at += at;
        Some(Event::Start { name: lower(name), attributes, is_empty })
    }

    /// Reads the attribute at `at`. Returns it and the offset after it.
    fn attribute(&mut self, at: usize) -> (Option<Attribute<'a>>, usize) {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let ends_name = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'>' | b'/' | b'<');
        let find = |from: usize, is: &dyn Fn(&u8) -> bool| {
            bytes[from..].iter().position(is).map_or(bytes.len(), |end| from + end)
        };
        let name_end = find(at, &ends_name).max(at + 1);
        let Some(name) = rest.get(at..name_end) else { return (None, find(at, &ends_name)) };
        let equals = find(name_end, &|byte| !byte.is_ascii_whitespace());
        if bytes.get(equals) != Some(&b'=') {
            return (Some((lower(name), Cow::Borrowed(""))), name_end);
        }
        let value_at = find(equals + 1, &|byte| !byte.is_ascii_whitespace());
        let (value, end) = if let Some(quote @ (b'"' | b'\'')) = bytes.get(value_at) {
            self.quoted(value_at, *quote)
        } else {
            let end = find(value_at, &|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'<'));
            let is_end = rest[value_at..end].ends_with('/') && bytes.get(end) == Some(&b'>');
            let end = end - usize::from(is_end);
            (&rest[value_at..end], end)
        };
        (Some((lower(name), references::resolve(value, &self.entities))), end)
    }

    /// Reads the value between the quotation mark at `at` and the next one. Returns it and the offset after
    /// it.
    fn quoted(&mut self, at: usize, quote: u8) -> (&'a str, usize) {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let close = memchr(quote, &bytes[at + 1..]).map(|length| at + 1 + length);
        budget::count(close.unwrap_or(bytes.len()) - at);
        let value = close.and_then(|close| Some((rest.get(at + 1..close)?, close + 1)));
        // An unclosed quotation mark would swallow the rest of the document.
        if let Some(value) = value.filter(|(value, _)| !value.contains("</")) {
            return value;
        }
        self.fault(self.at + at, "a quotation mark that is not closed");
        let end = memchr2(b'>', b'<', &bytes[at + 1..]).map_or(bytes.len(), |length| at + 1 + length);
        (rest[at + 1..end].trim_end_matches('/'), end)
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn name_length(text: &str) -> usize {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    text.find(|c| !is_name(c)).unwrap_or(text.len())
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns the length of a document type declaration, including the declarations in its brackets.
fn doctype_length(rest: &str) -> Option<usize> {
    let window = &rest.as_bytes()[..rest.len().min(LOOK_AHEAD)];
    let end = memchr(b'>', window)? + 1;
    if !window[..end].contains(&b'[') {
        return Some(end);
    }
    let close = memmem::find(window, b"]>").map(|end| end + 2);
    let spaced =
        || memmem::find(window, b"]").and_then(|at| memchr(b'>', &window[at..]).map(|end| at + end + 1));
    close.or_else(spaced)
}

/// Converts a byte offset to a line and a column, both from 1. Columns are in characters.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn read(text: &str) -> (String, Vec<Fault>) {
        let budget = Budget::for_bytes(text.len());
        let mut events = Events::new(text, &budget);
        let mut said = String::new();
        while let Some(Located { event, .. }) = events.next().unwrap() {
            match event {
                Event::Start { name, attributes, is_empty } => {
                    let _ = write!(said, "({name}");
                    for (name, value) in attributes {
                        let _ = write!(said, " {name}={value}");
                    }
                    said.push_str(if is_empty { "/)" } else { ")" });
                }
                Event::End { name } => {
                    let _ = write!(said, "(/{name})");
                }
                Event::Text(text) => said.push_str(&text),
            }
        }
        (said, events.faults)
    }

    #[test]
    fn well_formed_xml_is_read_without_a_fault() {
        let (said, faults) = read(
            "<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY ship 'MS Ann'>]><rss a='1' b=\"x &amp; y\"><!-- <p> --><t>&ship; &lt;b&gt;\
             <![CDATA[<i> & ]]></t><l/></rss>",
        );
        assert_eq!(said, "(rss a=1 b=x & y)(t)MS Ann <b><i> & (/t)(l/)(/rss)");
        assert_eq!(faults, []);
    }

    #[test]
    fn slips_are_read_as_browsers_read_them() {
        for (text, said, problem) in [
            ("<t>a < b <3 c</t>", "(t)a < b <3 c(/t)", "begins no tag"),
            ("< item><t>x</t>", "< item>(t)x(/t)", "begins no tag"),
            ("<T HREF=x>y</T >", "(t href=x)y(/t)", ""),
            ("<i src=a.png width=3/>", "(i src=a.png width=3/)", ""),
            ("<i alt=\"5\" wide\" src='x'>", "(i alt=5 wide\"= src=x)", ""),
            ("<l href=\"/a>Text</l>", "(l href=/a)Text(/l)", "quotation mark"),
            ("<a <b>x", "(a)(b)x", "<a without >"),
            ("x</a<b>", "x(/a)(b)", "</a without >"),
            ("a</ b>c", "ac", "without a name"),
            ("<?xml version='1.0'>\n<rss>", "\n(rss)", "not closed with ?>"),
            ("<t>x<!-- y</t>", "(t)x", "comment"),
            ("<t><![CDATA[x <b>y", "(t)x <b>y", "CDATA"),
            ("<t>x</t><l hre", "(t)x(/t)", "ends in the tag"),
        ] {
            let (read, faults) = read(text);
            assert_eq!(read, said, "{text}");
            let problems: Vec<&str> = faults.iter().map(|fault| fault.problem.as_str()).collect();
            assert_eq!(
                problems.iter().any(|it| !problem.is_empty() && it.contains(problem)),
                !problem.is_empty(),
                "{text}: {problems:?}"
            );
        }
    }

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        assert_eq!(line_and_column("é\nxé<", 6), (2, 3));
        assert_eq!(line_and_column("é", 1), (1, 1));
        assert_eq!(line_and_column("", 9), (1, 1));
    }
}
