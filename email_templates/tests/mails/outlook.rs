//! Outlook for Windows renders email with Word, which knows tables, attributes and little of CSS. It ignores
//! `max-width`, `height:auto`, `display:inline-block` and the padding of anything but cells. These rules keep
//! the layout in its hands:
//!
//! - a table of fixed width around everything, and a cell of fixed width around each column;
//! - a width in pixels on every picture;
//! - the background as an attribute beside the style;
//! - padding on cells only, and space as cells or lines of fixed height;
//! - no layout by pictures in the background.

use email_templates::digest::{self, Digest, Picture, Story};
use email_templates::{Email, Masthead};

use crate::fixtures::{arabic_digest, every_mail, full_digest, masthead};

/// Width of the sheet in pixels.
const SHEET: u32 = 600;

fn mails() -> Vec<(&'static str, Email)> {
    let theme = full_digest().masthead.theme;
    let mut mails = every_mail(masthead());
    mails.extend(every_mail(Masthead { theme, ..masthead() }));
    mails.push(("digest-from-the-right", digest::render(&arabic_digest())));
    mails.push(("digest-with-all", digest::render(&full_digest())));
    mails
}

/// An opening tag: its element and attributes.
struct Tag<'h> {
    name: &'h str,
    text: &'h str,
}

impl<'h> Tag<'h> {
    fn attribute(&self, name: &str) -> Option<&'h str> {
        let (_, value) = self.text.split_once(format!(" {name}=\"").as_str())?;
        value.split('"').next()
    }

    /// The value of a property in the element's style.
    fn style(&self, property: &str) -> Option<&'h str> {
        let style = self.attribute("style")?;
        style
            .split(';')
            .filter_map(|it| it.split_once(':'))
            .find(|(name, _)| *name == property)
            .map(|it| it.1)
    }

    fn pixels(&self, attribute: &str) -> Option<u32> {
        self.attribute(attribute)?.parse().ok()
    }
}

/// The opening tags of the body as Word sees them: with those in comments for Outlook.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let (_, body) = html.split_once("</head>").expect("a head");
    let opening = body.split('<').filter(|tag| tag.starts_with(|c: char| c.is_ascii_alphabetic()));
    opening
        .filter_map(|tag| tag.split('>').next())
        .map(|text| Tag { name: text.split(' ').next().unwrap(), text })
        .collect()
}

#[test]
fn a_table_of_fixed_width_is_around_the_sheet() {
    for (name, email) in mails() {
        let outer = "<!--[if mso]><table role=\"presentation\" align=\"center\" width=\"600\"";
        assert_eq!(email.html.matches(outer).count(), 1, "{name}");
        let (before, after) = email.html.split_once(outer).unwrap();
        assert!(!before.contains("class=\"sheet\"") && after.contains("class=\"sheet\""), "{name}");
        assert_eq!(
            email.html.matches("<!--[if mso]>").count(),
            email.html.matches("<![endif]-->").count(),
            "{name}"
        );
    }
}

#[test]
fn every_column_has_a_cell_of_fixed_width() {
    let picture = Picture { url: "https://a.example/x.jpg", size: Some((1200, 800)), ..Picture::default() };
    let stories = [Story { title: "A", picture: Some(picture), ..Story::default() }; 3];
    let email = digest::render(&Digest { stories: &stories, ..full_digest() }).html;
    assert!(email.contains("class=\"col\""));
    for (index, (at, _)) in email.match_indices("<div class=\"col\"").enumerate() {
        let comment = email[..at].rsplit_once("<!--").unwrap().1;
        let cell = comment.strip_suffix("<![endif]-->").expect("the comment ends before the column");
        assert!(cell.ends_with("<td width=\"278\" valign=\"top\">"), "column {index}: {cell}");
    }
    // Both fit between the margins of the row.
    const { assert!(2 * 278 + 2 * 22 <= SHEET) };
}

#[test]
fn every_picture_has_its_size_in_attributes() {
    for (name, email) in mails() {
        for picture in tags(&email.html).iter().filter(|tag| tag.name == "img") {
            let (width, height) = (picture.pixels("width"), picture.pixels("height"));
            assert!(width.is_some() || height.is_some(), "{name}: {}", picture.text);
            assert!(width.is_none_or(|width| width <= SHEET), "{name}: {}", picture.text);
            assert_eq!(picture.attribute("border"), Some("0"), "{name}: a link's picture gets a frame");
        }
    }
}

#[test]
fn every_background_is_an_attribute_too() {
    for (name, email) in mails() {
        for tag in tags(&email.html).iter().filter(|tag| ["table", "td"].contains(&tag.name)) {
            if let Some(colour) = tag.style("background") {
                assert_eq!(tag.attribute("bgcolor"), Some(colour), "{name}: {}", tag.text);
            }
        }
        // Word draws pictures in the background with VML only.
        for picture in ["url(", " background=\"", "<v:"] {
            assert!(!email.html.contains(picture), "{name}: {picture}");
        }
    }
}

#[test]
fn padding_is_on_cells_and_in_links_with_an_equal_of_words_own() {
    for (name, email) in mails() {
        let tags = tags(&email.html);
        for (index, tag) in tags.iter().enumerate() {
            let Some(padding) = tag.style("padding") else { continue };
            let is_none = padding.split(' ').all(|it| it == "0");
            // Word keeps the distance between a paragraph's text and its border.
            let has_border = ["border-left", "border-right"].iter().any(|side| tag.style(side).is_some());
            match tag.name {
                "td" => {}
                // Word gives a button its size by the cell around it.
                "a" => assert!(tags[index - 1].style("mso-padding-alt").is_some(), "{name}: {}", tag.text),
                _ => assert!(is_none || has_border, "{name}: {}", tag.text),
            }
        }
    }
}

#[test]
fn every_cell_of_a_fixed_size_has_it_as_an_attribute() {
    for (name, email) in mails() {
        for tag in tags(&email.html).iter().filter(|tag| tag.name == "td") {
            for size in ["width", "height"] {
                let pixels = tag.style(size).and_then(|it| it.strip_suffix("px"));
                assert_eq!(pixels, pixels.and(tag.attribute(size)), "{name}: {}", tag.text);
            }
        }
    }
}

#[test]
fn nothing_is_laid_out_by_what_word_does_not_know() {
    for (name, email) in mails() {
        for tag in tags(&email.html) {
            for unknown in ["float", "position", "transform", "columns", "gap"] {
                assert_eq!(tag.style(unknown), None, "{name}: {}", tag.text);
            }
            let is_known = |value: &str| ["none", "block", "inline-block"].contains(&value);
            assert!(tag.style("display").is_none_or(is_known), "{name}: {}", tag.text);
            // An element with `max-width` alone would be as wide as the sheet.
            let is_narrowed = tag.style("max-width").is_some_and(|it| it.ends_with("px") && it != "600px");
            let has_size = tag.pixels("width").is_some() || tag.attribute("class") == Some("col");
            assert!(!is_narrowed || has_size, "{name}: {}", tag.text);
        }
    }
}
