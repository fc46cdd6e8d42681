//! Converts an operator's note from Markdown to plain text and to HTML that email clients support.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

/// Elements that a note may contain. Others are removed, but their text stays.
const ELEMENTS: [&str; 12] =
    ["p", "br", "strong", "em", "a", "ul", "ol", "li", "h2", "h3", "blockquote", "hr"];

/// Returns the note as sanitised HTML. Links may only lead to the web or to email addresses.
pub fn to_html(markdown: &str) -> String {
    // Headings of a note rank below the newsletter's title.
    let events = Parser::new_ext(markdown, Options::empty()).map(|event| match event {
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            Event::Start(Tag::Heading { level: lower_heading(level), id, classes, attrs })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower_heading(level))),
        other => other,
    });
    let mut rendered = String::new();
    html::push_html(&mut rendered, events);
    ammonia::Builder::empty()
        .tags(HashSet::from(ELEMENTS))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(None)
        .clean(&rendered)
        .to_string()
}

fn lower_heading(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    match level {
        pulldown_cmark::HeadingLevel::H1 | pulldown_cmark::HeadingLevel::H2 => {
            pulldown_cmark::HeadingLevel::H2
        }
        _ => pulldown_cmark::HeadingLevel::H3,
    }
}

/// Returns the note as text with blank lines between paragraphs, list markers, and URLs after links.
pub fn to_text(markdown: &str) -> String {
    let mut text = String::new();
    let mut lists: Vec<Option<u64>> = Vec::new();
    let mut links: Vec<String> = Vec::new();
    for event in Parser::new_ext(markdown, Options::empty()) {
        match event {
            Event::Start(Tag::List(first)) => {
                if lists.is_empty() {
                    blank_line(&mut text);
                }
                lists.push(first);
            }
            Event::End(TagEnd::List(_)) => {
                lists.pop();
            }
            Event::Start(Tag::Item) => {
                new_line(&mut text);
                match lists.last_mut() {
                    Some(Some(number)) => {
                        let _ = write!(text, "{number}. ");
                        *number += 1;
                    }
                    _ => text.push_str("- "),
                }
            }
            Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::BlockQuote(_)) if lists.is_empty() => {
                blank_line(&mut text);
            }
            Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.to_string()),
            Event::End(TagEnd::Link) => {
                if let Some(address) = links.pop().filter(|it| !text.ends_with(it.as_str())) {
                    let _ = write!(text, " ({address})");
                }
            }
            Event::Text(words) | Event::Code(words) => text.push_str(&words),
            Event::SoftBreak => text.push(' '),
            Event::HardBreak => text.push('\n'),
            _ => {}
        }
    }
    text.trim().to_owned()
}

fn new_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

fn blank_line(text: &mut String) {
    new_line(text);
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "# Good morning\n\nThe **bridge** opens [today](https://news.example/bridge).\nSee you there.\n\n\
                        - tea\n- cake\n\n1. come\n2. go\n\n<https://news.example/map>";

    #[test]
    fn a_note_is_html_and_text() {
        assert_eq!(
            to_html(NOTE).replace('\n', ""),
            "<h2>Good morning</h2><p>The <strong>bridge</strong> opens <a href=\"https://news.example/bridge\">today</a>.\
             See you there.</p><ul><li>tea</li><li>cake</li></ul><ol><li>come</li><li>go</li></ol>\
             <p><a href=\"https://news.example/map\">https://news.example/map</a></p>"
        );
        assert_eq!(
            to_text(NOTE),
            "Good morning\n\nThe bridge opens today (https://news.example/bridge). See you there.\n\n- tea\n- cake\n\n\
             1. come\n2. go\n\nhttps://news.example/map"
        );
    }

    #[test]
    fn elements_that_emails_must_not_contain_are_removed() {
        let html = to_html(
            "<script>alert(1)</script>\n\n<img src=x onerror=y> <p style=\"color:red\" onclick=z>hi</p>\n\n\
             [a](javascript:alert(1)) [b](/relative) ![pixel](https://t.example/1.gif)",
        );
        for bad in ["script", "img", "style", "onclick", "javascript", "href", "t.example"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        assert!(html.contains("hi") && html.contains(">a</a>"), "{html}");
    }
}
