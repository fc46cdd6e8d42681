//! Builds a tree from a feed's document, and repairs it on the way.
//!
//! Unclosed elements end with their parent, and stray end tags are ignored. Elements that contain text
//! (titles, descriptions) keep any markup inside them. Feeds put elements in the wrong places, so an entry
//! counts at any depth.

use crate::content::{
    budget::{self, Budget, OverBudget},
    feed_element::{
        ENDS_TEXT, Element, LEAVES, Space, element, is_container, is_entry, is_feed, is_root, is_text,
        space_of, usual_space,
    },
    xml_events::{Attribute, Event, Events, Fault, Located, line_and_column},
};
use std::borrow::Cow;

/// Deeper than any real feed. Deeper elements are treated as if they were at this depth.
const MAX_DEPTH: usize = 60;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree<'a> {
    /// Elements and attributes of the whole feed: the channel or the outermost element.
    pub feed: Element<'a>,
    /// Name of the outermost element, without prefix. Empty if there is none.
    pub root: String,
    pub entries: Vec<Element<'a>>,
    pub faults: Vec<Fault>,
}

/// Parses a document into a tree.
pub fn read<'a>(text: &'a str, budget: &'a Budget) -> Result<Tree<'a>, OverBudget> {
    let mut builder = Builder::new(Events::new(text, budget), text);
    while let Some(located) = builder.events.next()? {
        builder.take(located);
    }
    Ok(builder.finish())
}

struct Open<'a> {
    element: Element<'a>,
    /// Name as written in the tag.
    full_name: Cow<'a, str>,
    /// Byte offsets of the start and the end of the tag.
    at: usize,
    inner_at: usize,
    /// Number of namespaces declared before the element.
    declared: usize,
}

struct Builder<'a> {
    events: Events<'a>,
    text: &'a str,
    open: Vec<Open<'a>>,
    /// Number of open elements inside a text element that have the same name as it.
    nested: usize,
    spaces: Vec<(String, Space)>,
    /// Whether text precedes the feed.
    has_junk: bool,
    tree: Tree<'a>,
}

impl<'a> Builder<'a> {
    fn new(events: Events<'a>, text: &'a str) -> Self {
        let tree = Tree {
            feed: element("", Vec::new(), Space::Core),
            root: String::new(),
            entries: Vec::new(),
            faults: Vec::new(),
        };
        Self { events, text, open: Vec::new(), nested: 0, spaces: Vec::new(), has_junk: false, tree }
    }

    fn take(&mut self, located: Located<'a>) {
        let Located { event, from, to } = located;
        match event {
            Event::Text(text) => {
                if let Some(open) = self.open.last_mut() {
                    open.element.text.push_str(&text);
                } else {
                    let is_space = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0');
                    self.has_junk |= self.tree.root.is_empty() && !text.chars().all(is_space);
                }
            }
            Event::Start { name, attributes, is_empty } => self.start(name, attributes, is_empty, from, to),
            Event::End { name } => self.end(&name, from, to),
        }
    }

    fn start(
        &mut self,
        full_name: Cow<'a, str>,
        attributes: Vec<Attribute<'a>>,
        is_empty: bool,
        from: usize,
        to: usize,
    ) {
        let declared = self.spaces.len();
        for (name, value) in &attributes {
            if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.spaces.push((prefix.to_owned(), space_of(value)));
            }
        }
        let (mut space, name) = self.resolve(&full_name);
        if space == Space::Other
            && is_root(name)
            && let Some((prefix, _)) = full_name.rsplit_once(':')
        {
            // A feed in its own vocabulary.
            self.spaces.push((prefix.to_owned(), Space::Core));
            space = Space::Core;
        }
        // Feeds in the wrong vocabulary are common, so its names mean the same there.
        if space == Space::Core
            && !is_root(name)
            && let Some((_, uri)) = attributes.iter().find(|(name, _)| name == "xmlns")
        {
            space = Some(space_of(uri)).filter(|own| *own != Space::Other).unwrap_or(space);
        }
        if self.in_text() {
            if !self.ends_text(space, name, attributes.is_empty()) {
                self.spaces.truncate(declared);
                self.add_markup(name, from, to, is_empty);
                return;
            }
            self.close_unclosed(self.open.len() - 1, from);
        }
        let is_leaf = |open: &Open<'_>| {
            open.element.space == Space::Core && LEAVES.contains(&open.element.name.as_ref())
        };
        while self.open.last().is_some_and(is_leaf) {
            self.close_unclosed(self.open.len() - 1, from);
        }
        if matches!(name, "item" | "entry")
            && let Some(entry) = self.open.iter().position(|open| is_entry(&open.element))
        {
            self.close_unclosed(entry, from);
        }
        if self.tree.root.is_empty() && is_root(name) {
            self.tree.root = name.to_owned();
            if self.has_junk || !self.tree.feed.name.is_empty() {
                self.events.fault(0, format!("something else stands before <{full_name}>"));
            }
        } else if self.tree.root.is_empty() && self.open.is_empty() {
            // Junk before the feed, unless nothing else follows.
            self.tree.feed.name = Cow::Owned(name.to_owned());
        }
        let name = match &full_name {
            Cow::Borrowed(full) => Cow::Borrowed(full.rsplit(':').next().unwrap_or(full)),
            Cow::Owned(full) => Cow::Owned(full.rsplit(':').next().unwrap_or(full).to_owned()),
        };
        let element = element(name, attributes, space);
        self.open.push(Open { element, full_name, at: from, inner_at: to, declared });
        if is_empty || self.open.len() > MAX_DEPTH {
            self.close(self.open.len() - 1, to, false);
        }
    }

    fn end(&mut self, full_name: &str, from: usize, to: usize) {
        if self.in_text() {
            let open = &self.open[self.open.len() - 1];
            if open.full_name == full_name {
                if self.nested == 0 {
                    self.close(self.open.len() - 1, from, false);
                    return;
                }
                self.nested -= 1;
            } else if !is_container(full_name) || !self.open.iter().any(|open| open.full_name == full_name) {
                let text = &self.text[from..to];
                if let Some(open) = self.open.last_mut() {
                    open.element.text.push_str(text);
                }
                return;
            } else {
                self.close_unclosed(self.open.len() - 1, from);
            }
        }
        budget::count(self.open.len());
        match self.open.iter().rposition(|open| open.full_name == full_name) {
            Some(at) => {
                if at + 1 < self.open.len() {
                    self.close_unclosed(at + 1, from);
                }
                self.close(at, from, false);
            }
            None => self.events.fault(from, format!("</{full_name}> closes nothing")),
        }
    }

    /// Adds markup inside a text.
    fn add_markup(&mut self, name: &str, from: usize, to: usize, is_empty: bool) {
        let text = &self.text[from..to];
        let Some(open) = self.open.last_mut() else { return };
        open.element.has_markup = true;
        open.element.text.push_str(text);
        if !is_empty && open.element.name == name {
            self.nested += 1;
        }
    }

    fn in_text(&self) -> bool {
        self.open.last().is_some_and(|open| is_text(&open.element))
    }

    /// Returns whether a start tag shows that the text around it should have been closed.
    fn ends_text(&self, space: Space, name: &str, is_bare: bool) -> bool {
        let within = self.open.last().map(|open| open.element.name.as_ref()).unwrap_or_default();
        match space {
            Space::Core if ENDS_TEXT.contains(&name) => true,
            Space::Core if within == "title" && matches!(name, "link" | "summary" | "content") => true,
            // As HTML, these elements have attributes or occur only in long texts.
            Space::Core => {
                is_bare
                    && matches!(name, "link" | "title")
                    && matches!(within, "title" | "description" | "subtitle")
            }
            Space::Xhtml | Space::Other => false,
            _ => !matches!(within, "body"),
        }
    }

    fn resolve<'n>(&self, full_name: &'n str) -> (Space, &'n str) {
        let Some((prefix, name)) = full_name.rsplit_once(':') else { return (Space::Core, full_name) };
        let declared = self.spaces.iter().rev().find(|(known, _)| known == prefix).map(|(_, space)| *space);
        (
            declared
                .filter(|space| *space != Space::Other)
                .or_else(|| usual_space(prefix))
                .unwrap_or(Space::Other),
            name,
        )
    }

    /// Closes an element that has no end tag, and records the fault.
    fn close_unclosed(&mut self, at: usize, end: usize) {
        if let Some(open) = self.open.get(at) {
            let (line, name) = (open.at, open.full_name.clone());
            if !matches!(name.as_ref(), "br" | "img" | "hr" | "wbr") {
                self.events.fault(line, format!("<{name}> is not closed"));
            }
        }
        self.close(at, end, true);
    }

    /// Closes the element at this depth and all its descendants. Children of an unclosed element become its
    /// siblings.
    fn close(&mut self, at: usize, end: usize, unclosed: bool) {
        while self.open.len() > at {
            let is_closed = self.open.len() == at + 1 && !unclosed;
            let Some(Open { mut element, inner_at, declared, .. }) = self.open.pop() else { return };
            self.spaces.truncate(declared);
            self.nested = 0;
            if is_text(&element) {
                element.raw = self.text.get(inner_at..end).unwrap_or_default();
            }
            if is_entry(&element) {
                self.tree.entries.push(element);
            } else if is_feed(&element) {
                self.join(element);
            } else if let Some(parent) = self.open.last_mut() {
                let behind = if is_closed { Vec::new() } else { std::mem::take(&mut element.children) };
                parent.element.children.push(element);
                parent.element.children.extend(behind);
            }
        }
    }

    /// Merges an element into the feed: the channel and the outermost element describe the same feed.
    fn join(&mut self, element: Element<'a>) {
        self.tree.feed.children.extend(element.children);
        self.tree.feed.attributes.extend(element.attributes);
    }

    fn finish(mut self) -> Tree<'a> {
        let end = self.text.len();
        if let Some(open) = self.open.last() {
            let (line, _) = line_and_column(self.text, open.at);
            let problem = format!(
                "the document ends here, but <{}> opened at line {line} is not closed",
                open.full_name
            );
            self.events.fault(self.text.trim_end().len(), problem);
        }
        self.close(0, end, true);
        self.tree.faults = self.events.faults;
        self.tree.faults.sort_by_key(|fault| fault.at);
        if self.tree.root.is_empty() {
            self.tree.root = self.tree.feed.name.to_string();
        }
        self.tree
    }
}
