//! Is this XML, and if not, where does it go wrong?
//!
//! The feed parser stops quietly where a document ends too early, and what it leaves out looks like a feed with fewer
//! entries. So a feed is checked first, with the faults readers live with (bare ampersands, unknown entities, old
//! version numbers and namespaces) mended on the way.

use std::fmt::Write as _;
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deeper than any feed; the feed parser recurses on some elements.
const MAX_DEPTH: usize = 200;
const MAX_ATTRIBUTES: usize = 300;

/// Namespaces of formats that differ from the current one in nothing we read.
const OLD_NAMESPACES: &[(&str, &str)] = &[
    ("http://my.netscape.com/rdf/simple/0.9/", "http://purl.org/rss/1.0/"),
    ("http://channel.netscape.com/rdf/simple/0.9/", "http://purl.org/rss/1.0/"),
    ("http://backend.userland.com/rss2", ""),
    ("http://blogs.law.harvard.edu/tech/rss", ""),
    ("http://cyber.law.harvard.edu/rss/rss.html", ""),
    ("http://purl.org/atom/ns#", "http://www.w3.org/2005/Atom"),
    ("https://www.w3.org/2005/Atom", "http://www.w3.org/2005/Atom"),
];

/// The elements of RSS that hold text, never elements.
const TEXT_IN_RSS: &[&str] = &["title", "description", "encoded", "summary"];

/// Where and how XML is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

/// Well-formed XML that the feed parser reads in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The mended text, in UTF-8 and without a declaration that says otherwise.
    pub text: String,
    /// The name of the outermost element, without prefix.
    pub root: String,
    /// For each entry in order: the address of its `media:thumbnail` (the feed parser loses those that stand alone).
    pub thumbnails: Vec<Option<String>>,
    /// `sy:updatePeriod`.
    pub update_period: Option<String>,
    /// `sy:updateFrequency`.
    pub update_frequency: Option<String>,
}

impl Checked {
    /// How often the feed says that it is updated (RSS 1.0's syndication module, which blogs use in RSS 2.0).
    pub fn update_every(&self) -> Option<Duration> {
        let hours = match self.update_period.as_deref()?.trim() {
            "hourly" => 1,
            "daily" => 24,
            "weekly" => 24 * 7,
            "monthly" => 24 * 30,
            "yearly" => 24 * 365,
            _ => return None,
        };
        let times = self.update_frequency.as_deref().and_then(|times| times.trim().parse().ok());
        Some(Duration::from_hours(hours) / times.filter(|times| *times > 0_u32).unwrap_or(1))
    }
}

/// Checks `text` and mends what can be.
pub fn check(text: &str) -> Result<Checked, Fault> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.check_end_names = true;
    let mut checked = Checked {
        text: String::with_capacity(text.len()),
        root: String::new(),
        thumbnails: Vec::new(),
        update_period: None,
        update_frequency: None,
    };
    let mut open: Vec<(String, usize)> = Vec::new();
    loop {
        let start = position(reader.buffer_position());
        let event = reader.read_event().map_err(|error| {
            let mut at = position(reader.error_position());
            if let (quick_xml::Error::Syntax(_), true) = (&error, at < start) {
                at = start;
            }
            fault(text, at, error.to_string())
        })?;
        let end = position(reader.buffer_position());
        let raw = &text[start..end];
        match event {
            Event::Eof => break,
            // Gone, so that nobody decodes a second time; its lines stay, so that positions do.
            Event::Decl(_) => checked.text.extend(raw.chars().filter(|c| *c == '\n')),
            Event::Text(_) => {
                note_text(&mut checked, &open, raw);
                checked.text.push_str(&raw.replace('&', "&amp;"));
            }
            Event::Start(tag) | Event::Empty(tag) => {
                if raw.bytes().filter(|byte| *byte == b'=').count() > MAX_ATTRIBUTES
                    && tag.attributes().with_checks(false).count() > MAX_ATTRIBUTES
                {
                    return Err(fault(
                        text,
                        start,
                        format!("a tag with more than {MAX_ATTRIBUTES} attributes"),
                    ));
                }
                let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                note(&mut checked, &open, &tag);
                if open.is_empty() && checked.root.is_empty() {
                    name.rsplit(':').next().unwrap_or(&name).clone_into(&mut checked.root);
                    checked.text.push_str(&modern_root(&tag, raw));
                } else {
                    push_tag(&mut checked, &open, raw);
                }
                if !raw.ends_with("/>") {
                    open.push((name, start));
                }
                if open.len() > MAX_DEPTH {
                    return Err(fault(text, start, format!("elements nested more than {MAX_DEPTH} deep")));
                }
            }
            Event::End(_) => {
                open.pop();
                push_tag(&mut checked, &open, raw);
            }
            _ => checked.text.push_str(raw),
        }
    }
    if let Some((name, at)) = open.last() {
        let (line, _) = line_and_column(text, *at);
        let problem = format!("the document ends here, but <{name}> opened at line {line} is not closed");
        return Err(fault(text, text.trim_end().len(), problem));
    }
    if checked.root.is_empty() {
        return Err(fault(text, 0, "there is no element".to_owned()));
    }
    Ok(checked)
}

/// Passes a tag on; as text, if it is markup that somebody forgot to escape in an RSS title or description (the feed
/// parser would take the text up to there).
fn push_tag(checked: &mut Checked, open: &[(String, usize)], raw: &str) {
    let in_text = matches!(checked.root.as_str(), "rss" | "RDF")
        && open.iter().any(|(name, _)| TEXT_IN_RSS.contains(&name.rsplit(':').next().unwrap_or(name)));
    if in_text {
        checked.text.push_str(&quick_xml::escape::escape(raw));
    } else {
        checked.text.push_str(raw);
    }
}

fn note(checked: &mut Checked, open: &[(String, usize)], tag: &BytesStart<'_>) {
    match tag.local_name().as_ref() {
        b"item" | b"entry" if (1..=2).contains(&open.len()) => checked.thumbnails.push(None),
        b"thumbnail" if tag.name().prefix().is_some() => {
            if let Some(slot @ None) = checked.thumbnails.last_mut() {
                let url = tag.try_get_attribute("url").ok().flatten();
                *slot = url.and_then(|url| url.unescape_value().ok()).map(std::borrow::Cow::into_owned);
            }
        }
        _ => {}
    }
}

fn note_text(checked: &mut Checked, open: &[(String, usize)], raw: &str) {
    let slot = match open.last().and_then(|(name, _)| name.split_once(':')) {
        Some((_, "updatePeriod")) => &mut checked.update_period,
        Some((_, "updateFrequency")) => &mut checked.update_frequency,
        _ => return,
    };
    slot.get_or_insert_with(|| raw.trim().to_owned());
}

/// The root tag in the words of the current version of its format: every RSS 0.9x feed is an RSS 2.0 feed.
fn modern_root(tag: &BytesStart<'_>, raw: &str) -> String {
    let is_rss = tag.name().as_ref() == b"rss";
    let mut root = String::from("<");
    root.push_str(&String::from_utf8_lossy(tag.name().as_ref()));
    for attribute in tag.attributes().with_checks(false).flatten() {
        let name = String::from_utf8_lossy(attribute.key.as_ref());
        if is_rss && name == "version" {
            continue;
        }
        let value = String::from_utf8_lossy(&attribute.value).replace('"', "&quot;");
        let value =
            OLD_NAMESPACES.iter().find(|(old, _)| *old == value).map_or(value.as_str(), |(_, new)| *new);
        if name == "xmlns" && value.is_empty() {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = write!(root, " {name}=\"{value}\"");
    }
    if is_rss {
        root.push_str(" version=\"2.0\"");
    }
    root.push_str(if raw.ends_with("/>") { "/>" } else { ">" });
    root
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn fault(text: &str, at: usize, problem: String) -> Fault {
    let (line, column) = line_and_column(text, at);
    let problem = problem
        .strip_prefix("ill-formed document: ")
        .or_else(|| problem.strip_prefix("syntax error: "))
        .map_or(problem.clone(), str::to_owned);
    Fault { line, column, problem }
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_xml_is_refused_with_line_and_column() {
        for (text, line, column, problem) in [
            ("<rss>\n <channel>\n", 2, 11, "<channel> opened at line 2 is not closed"),
            ("<rss>\n  <a></b>\n</rss>", 2, 6, "`</a>`"),
            ("<rss/>\n</rss>", 2, 1, "</rss>"),
            ("<rss>é<a", 1, 7, "tag not closed"),
            ("<rss>\n<![CDATA[ x", 2, 1, "CDATA not closed"),
            ("no xml", 1, 1, "no element"),
        ] {
            let fault = check(text).unwrap_err();
            assert!(fault.problem.contains(problem), "{text}: {fault:?}");
            assert_eq!((fault.line, fault.column), (line, column), "{text}: {fault:?}");
        }
    }

    #[test]
    fn faults_that_readers_live_with_are_mended() {
        let checked = check("<?xml version='1.0'\n encoding='latin1'?><rss version='0.94'><l>a?b=1&c=2&amp;d &nbsp;</l></rss>").unwrap();
        assert_eq!(checked.text, "\n<rss version=\"2.0\"><l>a?b=1&amp;c=2&amp;d &nbsp;</l></rss>");
        assert_eq!(checked.root, "rss");
    }

    #[test]
    fn markup_that_was_not_escaped_becomes_text() {
        let checked =
            check("<rss><item><description>It <em class='x'>is</em> so.</description><a/></item></rss>")
                .unwrap();
        assert!(
            checked.text.contains("It &lt;em class=&apos;x&apos;&gt;is&lt;/em&gt; so.</description><a/>"),
            "{}",
            checked.text
        );
        let atom = "<feed><content type='xhtml'><p>x</p></content></feed>";
        assert!(check(atom).unwrap().text.contains("<p>x</p>"));
    }

    #[test]
    fn bottomless_nesting_is_refused() {
        assert!(check(&"<a>".repeat(1000)).unwrap_err().problem.contains("200 deep"));
    }
}
